"""The joined network's task: what it measures is what a stream plays, and all of it can learn."""

import numpy as np
import pytest
import torch

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights
from dsp.training.config import JoinedConfig
from dsp.training.joined_task import JoinedTask

SMALL = PhoenixConfig(TrunkConfig(widths=(4, 4, 4, 6, 6, 8)), head_width=4)
FRAMES = 1024 * 48


def make_task(apart=4, unet_share=0.25, light_share=0.5):
    torch.manual_seed(0)
    network = JoinedNetwork(untrained_weights((4, 4, 4, 6, 6, 8)), SMALL)
    config = JoinedConfig(frames_apart=apart, unet_share=unet_share, light_share=light_share)
    return JoinedTask(network, config)


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
    # The heads' last layer starts at zero, so what lies before it learns from the second step on.
    for head in (task.network.head, task.network.light_head):
        torch.nn.init.normal_(head.matrix.weight, std=0.1)
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
    halves = task.losses(0.5 * (voices + bands), voices + bands, 1)
    assert halves.samples_db.item() == pytest.approx(-20.0, abs=0.01)  # the loss's floor: no error
    assert halves.beside_db.item() == pytest.approx(-20.0, abs=0.01)


def test_the_light_head_hears_the_trunk_alone_and_counts_as_much_as_it_is_told():
    voices, bands = batch(1)
    task = make_task(light_share=0.25)
    torch.nn.init.normal_(task.network.light_head.matrix.weight, std=0.1)
    before = task.losses(voices, voices + bands, 2)
    total_db = (before.samples_db + 0.25 * before.beside_db).item()
    assert before.total.item() == pytest.approx(total_db)
    with torch.no_grad():
        for parameter in [*task.network.unet.parameters(), *task.network.head.parameters()]:
            parameter.add_(torch.rand_like(parameter))
    after = task.losses(voices, voices + bands, 2)
    assert after.samples_db.item() != before.samples_db.item()
    assert after.beside_db.item() == before.beside_db.item()
