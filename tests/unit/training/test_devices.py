"""Every task computes on the device it was given: on one without values, any other tensor shows."""

import pytest
import torch

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights
from dsp.training.cassiopeia_task import CassiopeiaTask
from dsp.training.config import JoinedConfig
from dsp.training.joined_task import JoinedTask
from dsp.training.task import PhoenixTask

WIDTHS = (4, 4, 4, 6, 6, 8)
SMALL = PhoenixConfig(TrunkConfig(widths=WIDTHS), head_width=4)
FRAMES = 1024 * 24


def joined_on(device):
    network = JoinedNetwork(untrained_weights(WIDTHS), SMALL)
    return JoinedTask(network, JoinedConfig(), device)


TASKS = {
    "phoenix": lambda device: PhoenixTask(SMALL, device=device),
    "cassiopeia": lambda device: CassiopeiaTask(device=device),
    "joined": joined_on,
}


@pytest.mark.parametrize("name", TASKS)
def test_nothing_is_left_on_another_device(name):
    """Torch refuses to mix the meta device with any other, as it does with a GPU."""
    task = TASKS[name]("meta")
    audio = torch.empty(2, 2, FRAMES, device="meta")
    losses = task.losses(audio, audio, 3)
    assert losses.total.device.type == "meta"
    losses.total.backward()
    assert all(p.device.type == "meta" for p in task.network.parameters())


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_loss_that_the_cpu_gives(name):
    torch.manual_seed(0)
    audio = 0.1 * torch.randn(2, 2, 2, FRAMES)
    losses = {}
    for device in ("cpu", "cuda"):
        torch.manual_seed(1)
        task = TASKS[name](device)
        voices, bands = audio.to(device)
        losses[device] = task.losses(voices, voices + bands, 3).samples_db.detach().cpu()
    torch.testing.assert_close(losses["cuda"], losses["cpu"], rtol=1e-3, atol=1e-3)
