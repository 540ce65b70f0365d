"""Two processes on one CPU train as one does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dsp.training.cluster import Cluster, joined_cluster
from dsp.training.errors import TrainingConfigError

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name("cluster_worker.py")


def run_workers(folder, processes):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    free_port = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    subprocess.run(
        [*launcher, *free_port, str(WORKER), str(folder)], check=True, env=environment, timeout=120
    )
    return torch.load(folder / "checkpoint.pt", weights_only=True)


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(tmp_path):
    alone = run_workers(tmp_path / "alone", 1)
    shared = run_workers(tmp_path / "shared", 2)
    assert shared["progress"]["step"] == alone["progress"]["step"] == 6
    for name, weights in alone["network"].items():
        torch.testing.assert_close(shared["network"][name], weights, rtol=1e-5, atol=1e-6)
    rows = (tmp_path / "shared" / "steps.csv").read_text().splitlines()
    assert len(rows) == 1 + 6  # one process writes


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_every_item_is_made_once(size):
    shares = [Cluster(rank, size).share(6) for rank in range(size)]
    assert sorted(item for share in shares for item in share) == list(range(6))
    assert len({len(share) for share in shares}) == 1


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(TrainingConfigError, match="5 cannot be shared by 2"):
        Cluster(0, 2).share(5)


def test_one_process_needs_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    network = nn.Linear(2, 2)
    network.weight.grad = torch.ones(2, 2)
    with joined_cluster() as cluster:
        assert cluster.leads
        assert cluster.any(True)
        assert not cluster.any(False)
        cluster.average_gradients(network)
    assert torch.equal(network.weight.grad, torch.ones(2, 2))
