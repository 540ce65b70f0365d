"""Phoenix's task: it can learn, and what is validated is what a stream would play."""

import numpy as np
import pytest
import torch

from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig
from dsp.training.losses import usdr_db
from dsp.training.task import PhoenixTask

SMALL = PhoenixConfig(TrunkConfig(widths=(8, 8, 8, 12, 12, 16)), head_width=8)
FRAMES = 1024 * 60


@pytest.fixture(scope="module")
def clip():
    """A gliding voice over a chord: [channel 2, frame] each."""
    seconds = np.arange(FRAMES) / 44100
    glide = 2 * np.pi * (900 * seconds + 30 * np.sin(2 * np.pi * seconds))
    voice = 0.2 * np.sin(glide) * np.sin(2 * np.pi * 0.8 * seconds) ** 2
    band = sum(0.1 * np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 330.0, 2500.0))
    return tuple(np.stack([side, side]).astype(np.float32) for side in (voice, band))


def make_task():
    torch.manual_seed(0)
    return PhoenixTask(SMALL)


def as_batch(samples):
    return torch.from_numpy(samples)[None]


@pytest.mark.slow
def test_a_tiny_network_learns_one_clip(clip):
    voice, band = clip
    task = make_task()
    optimiser = torch.optim.AdamW(task.network.parameters(), lr=3e-3)
    for _ in range(120):
        losses = task.losses(as_batch(voice), as_batch(voice + band))
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    separate = task.separator(dict(task.network.named_parameters()))
    assert usdr_db(voice, separate(voice + band)) > 20.0


def test_a_loss_per_item(clip):
    voice, band = clip
    task = make_task()
    voices = torch.cat([as_batch(voice), 0 * as_batch(voice)])
    mixtures = torch.cat([as_batch(voice + band), as_batch(band)])
    losses = task.losses(voices, mixtures).samples_db
    assert losses.shape == (2,)
    alone = task.losses(voices[1:], mixtures[1:]).samples_db
    torch.testing.assert_close(losses[1:], alone, rtol=1e-4, atol=1e-4)


def test_the_separator_leaves_the_network_alone(clip):
    task = make_task()
    before = [p.clone() for p in task.network.parameters()]
    weights = {name: torch.zeros_like(p) for name, p in task.network.named_parameters()}
    halves = task.separator(weights)(clip[1])
    # All weights zero: every logit is zero, every mask one half.
    np.testing.assert_allclose(halves, 0.5 * clip[1], atol=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(before, task.network.parameters(), strict=True))
