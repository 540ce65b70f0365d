"""The joined network's task: what it measures is what a stream plays, and all of it can learn."""

import numpy as np
import pytest
import torch

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_network import PhoenixConfig
from dsp.networks.phoenix_trunk import TrunkConfig
from dsp.networks.unet_weights import untrained_weights
from dsp.training.joined_task import JoinedTask

SMALL = PhoenixConfig(TrunkConfig(widths=(4, 4, 4, 6, 6, 8)), head_width=4)
FRAMES = 1024 * 48


def make_task(apart=4, unet_share=0.25):
    torch.manual_seed(0)
    return JoinedTask(
        JoinedNetwork(untrained_weights((4, 4, 4, 6, 6, 8)), SMALL), apart, unet_share
    )


def batch(items=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(0.1 * torch.randn(items, 2, FRAMES, generator=generator) for _ in range(2))


def test_a_loss_per_item():
    voices, bands = batch()
    task = make_task()
    together = task.losses(voices, voices + bands, 5).samples_db
    alone = task.losses(voices[1:], voices[1:] + bands[1:], 5).samples_db
    assert together.shape == (2,)
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-4)


def test_the_same_step_draws_the_same_moments_and_others_differ():
    voices, bands = batch(1)
    task = make_task()
    once, again, other = (task.losses(voices, voices + bands, step).total for step in (3, 3, 4))
    assert once == again
    assert once != other


def test_everything_that_is_read_learns():
    voices, bands = batch(1)
    task = make_task()
    # The head's last layer starts at zero, so what lies before it learns from the second step on.
    torch.nn.init.normal_(task.network.head.matrix.weight, std=0.1)
    task.losses(voices, voices + bands, 0).total.backward()
    groups = task.parameter_groups()
    grouped = {id(p) for group in groups for p in group["params"]}
    for name, parameter in task.network.named_parameters():
        assert (parameter.grad is not None) == (id(parameter) in grouped), name
    assert [group["share"] for group in groups] == [1.0, 0.25]


def test_a_silent_network_plays_half_of_the_mixture():
    """Weights of zero: every logit is zero, every mask one half, in the loss as in the stream."""
    voices, bands = batch(1)
    task = make_task()
    weights = {name: torch.zeros_like(p) for name, p in task.network.named_parameters()}
    mixture = (voices + bands)[0].numpy()
    np.testing.assert_allclose(task.separator(weights)(mixture), 0.5 * mixture, atol=1e-4)
    task.network.load_state_dict(weights)
    halves = task.losses(0.5 * (voices + bands), voices + bands, 1).samples_db
    assert halves.item() == pytest.approx(-20.0, abs=0.01)  # the loss's floor: no error
