"""A run may begin with saved weights; what is missing or does not fit is named."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dsp.training.errors import TrainingConfigError
from dsp.training.session import load_start


def test_half_precision_weights_are_taken(tmp_path):
    saved, fresh = nn.Linear(3, 2), nn.Linear(3, 2)
    path = tmp_path / "start.safetensors"
    save_file({name: value.half() for name, value in saved.state_dict().items()}, path)
    load_start(path, fresh)
    assert fresh.weight.dtype == torch.float32
    torch.testing.assert_close(fresh.weight, saved.weight, atol=1e-3, rtol=0)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TrainingConfigError, match=r"start_from: .*nowhere"):
        load_start(tmp_path / "nowhere", nn.Linear(3, 2))


def test_garbage_is_refused(tmp_path):
    path = tmp_path / "start.safetensors"
    path.write_bytes(b"no tensors here")
    with pytest.raises(TrainingConfigError, match="start_from"):
        load_start(path, nn.Linear(3, 2))


def test_weights_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "start.safetensors"
    save_file(nn.Linear(4, 2).state_dict(), path)
    with pytest.raises(TrainingConfigError, match="size mismatch"):
        load_start(path, nn.Linear(3, 2))
