"""Cassiopeia's task: what is trained is what a stream plays, in either precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dsp.networks.cassiopeia_trunk import CONFIG
from dsp.training.cassiopeia_task import CassiopeiaTask

SMALL = replace(
    CONFIG, trunk=replace(CONFIG.trunk, widths=(4, 4, 6, 6, 8, 8), answer_width=4), head_width=4
)
FRAMES = 1024 * 24


def make_task():
    torch.manual_seed(0)
    task = CassiopeiaTask(SMALL)
    torch.nn.init.normal_(task.network.head.matrix.weight, std=0.1)
    return task


def batch(items=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(0.1 * torch.randn(items, 2, FRAMES, generator=generator) for _ in range(2))


def weights_of(task):
    return {name: p.detach() for name, p in task.network.named_parameters()}


def test_the_loss_is_the_error_of_what_a_stream_plays():
    """Frames of a stream are half a step apart: every second one of its masks is trained."""
    voices, bands = batch(1)
    task = make_task()
    weights = {name: torch.zeros_like(p) for name, p in weights_of(task).items()}
    mixture = (voices + bands)[0].numpy()
    np.testing.assert_allclose(task.separator(weights)(mixture), 0.5 * mixture, atol=1e-4)
    task.network.load_state_dict(weights)
    halves = task.losses(0.5 * (voices + bands), voices + bands)
    assert halves.samples_db.item() == pytest.approx(-20.0, abs=0.01)  # the loss's floor: no error


def test_every_parameter_learns():
    voices, bands = batch()
    task = make_task()
    task.losses(voices, voices + bands).total.backward()
    for name, parameter in task.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_half_precision_gives_nearly_the_same_loss_and_gradient():
    voices, bands = batch()
    exact, half = make_task(), make_task()
    one = exact.losses(voices, voices + bands)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        other = half.losses(voices, voices + bands)
    assert other.total.dtype is torch.float32
    assert other.total.item() == pytest.approx(one.total.item(), abs=0.02)
    for losses in (one, other):
        losses.total.backward()
    flat = [
        torch.cat([p.grad.flatten() for p in task.network.parameters()]) for task in (exact, half)
    ]
    assert torch.cosine_similarity(*flat, dim=0) > 0.99
    assert not torch.equal(*flat)
