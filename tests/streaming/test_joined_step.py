"""The joined network in a stream: each hop is the networks', wherever the stream begins."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joined_streams import SMALL, WIDTHS, small_network
from step_frames import SPECTRUM_BINS, assert_close, frames

from dsp.networks.joined_network import join
from dsp.networks.joined_step import GRID, QUICK_GRID, QUICK_SHORT_GRID, SHORT_GRID, JoinedStep
from dsp.networks.live_network import LIVE, LIVE_SHORT, LiveNetwork, hops_per_step
from dsp.networks.packing import pack_joined, pack_unet
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import BINS
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_weights import untrained_weights
from dsp.separator import Separator

HOP = LIVE.hop_samples


FORMS = {
    "usual": (LIVE, GRID),
    "quick": (LIVE, QUICK_GRID),
    "short": (LIVE_SHORT, SHORT_GRID),
    "quick, short": (LIVE_SHORT, QUICK_SHORT_GRID),
}
with_each_form = pytest.mark.parametrize(("profile", "grid"), FORMS.values(), ids=FORMS)


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def networks(network):
    """By profile: frames of the short one interleave twice as densely."""
    return {LIVE: network, LIVE_SHORT: small_network(hops_per_step(LIVE_SHORT))}


@pytest.fixture(scope="module", params=[GRID, QUICK_GRID], ids=["usual", "quick"])
def packed(network, request):
    return pack_joined(network, grid=request.param)


def opinions(network, magnitudes, first, grid):
    """The U-Net's mask at each hop, [channel, hop, bin]."""
    unet = StreamingUNet(pack_unet(network.unet.weights), grid)
    unet.reset(first + grid.deep_period // 2)
    return np.stack([unet.push(frame) for frame in magnitudes.transpose(1, 0, 2)], axis=1)


def of_networks(network, heard, filtered, first, grid):
    magnitudes = np.abs(heard[..., :BINS])
    state = network.trunk.initial_state(frame=first)
    answer, logits = network.trunk.answer_and_logits(torch.from_numpy(magnitudes)[None], state)
    opinion = torch.from_numpy(opinions(network, magnitudes, first, grid))[None]
    return network.filter(opinion, answer, logits, torch.from_numpy(filtered)[None])[0].numpy()


@pytest.mark.parametrize("first", [0, 1, 6, 19])
@with_each_form
def test_every_hop_is_the_networks(networks, profile, grid, first):
    network = networks[profile]
    heard, filtered = frames(40)
    step = JoinedStep(pack_joined(network, grid=grid))
    step.reset(first)
    actual = [step.push(heard[:, t], filtered[:, t]) for t in range(heard.shape[1])]
    assert_close(np.stack(actual, axis=1), of_networks(network, heard, filtered, first, grid))


@pytest.mark.parametrize("first", [0, 19])
def test_the_light_form_is_the_trunk_under_its_own_head(network, first):
    heard, filtered = frames(40)
    step = PhoenixStep(pack_joined(network).light)
    step.reset(first)
    actual = [step.push(heard[:, t], filtered[:, t]) for t in range(heard.shape[1])]
    magnitudes = torch.from_numpy(np.abs(heard[None, ..., :BINS]))
    state = network.trunk.initial_state(frame=first)
    answer, logits = network.trunk.answer_and_logits(magnitudes, state)
    expected = network.filter_lightly(answer, logits, torch.from_numpy(filtered)[None])
    assert_close(np.stack(actual, axis=1), expected[0].numpy())


@with_each_form
@pytest.mark.parametrize("first", [0, 3, 8])
def test_no_hop_has_the_deep_levels_of_both(networks, profile, grid, first):
    """The trunk's tick every four steps; the U-Net's steps are taken at other hops."""
    step = JoinedStep(pack_joined(networks[profile], grid=grid))
    step.reset(first)
    state = step._unet._state
    of_deep_levels = (state.deepest, *state.deep_inputs, *state.held)
    changed = []
    heard, filtered = frames(32)
    for hop in range(first, first + 32):
        before = [array.copy() for array in of_deep_levels]
        step.push(heard[:, hop - first], filtered[:, hop - first])
        if not all(map(np.array_equal, of_deep_levels, before)):
            changed.append(hop)
    assert len(changed) >= 8
    assert all(hop % (4 * hops_per_step(profile)) for hop in changed)


def test_after_a_reset_nothing_is_left_of_before(packed):
    heard, filtered = frames(24)
    used, fresh = JoinedStep(packed), JoinedStep(packed)
    for t in range(13):
        used.push(heard[:, -1 - t], filtered[:, t])
    used.reset(4)
    fresh.reset(4)
    for t in range(24):
        one, other = (step.push(heard[:, t], filtered[:, t]) for step in (used, fresh))
        np.testing.assert_array_equal(one, other)


def test_it_is_a_separator(packed):
    assert isinstance(LiveNetwork(JoinedStep(packed)), Separator)


@settings(deadline=None, max_examples=10)
@given(hops=st.lists(st.integers(0, 20), max_size=8))
def test_any_partition_gives_what_all_at_once_gives(packed, hops):
    x = (0.1 * np.random.default_rng(2).standard_normal((2, 40 * HOP))).astype(np.float32)
    edges = [min(edge, 40) * HOP for edge in np.cumsum([0, *hops, 40])]
    separator = LiveNetwork(JoinedStep(packed))
    blocks = [separator.push(x[:, a:b]) for a, b in pairwise(edges)]
    assert_close(np.concatenate(blocks, axis=-1), LiveNetwork(JoinedStep(packed)).push(x))


@with_each_form
@pytest.mark.parametrize("hops", [0, 1, 2, 7, 33])
@pytest.mark.parametrize("first", [0, 5])
def test_a_rebuilt_stream_goes_on_as_if_it_had_heard_it(networks, profile, grid, hops, first):
    packed, hop = pack_joined(networks[profile], grid=grid), profile.hop_samples
    x = (0.1 * np.random.default_rng(3).standard_normal((2, 60 * hop))).astype(np.float32)
    heard, rebuilt = (LiveNetwork(JoinedStep(packed), profile) for _ in range(2))
    heard.reset(first * hop)
    heard.push(x[:, : hops * hop])
    rebuilt.rebuild(x[:, : hops * hop], first * hop)
    assert_close(rebuilt.push(x[:, hops * hop :]), heard.push(x[:, hops * hop :]))


def test_joined_they_start_near_the_mean_of_both():
    torch.manual_seed(4)
    phoenix = PhoenixNetwork(SMALL)
    torch.nn.init.normal_(phoenix.head.matrix.weight, std=1e-3)
    network = join(untrained_weights(WIDTHS), phoenix)
    answer = torch.rand(1, SMALL.trunk.answer_width, 3, BINS)
    logits, opinion = torch.randn(1, 2, 3, BINS), torch.rand(1, 2, 3, BINS)
    spectra = torch.randn(1, 2, 3, SPECTRUM_BINS, dtype=torch.complex64)
    with torch.inference_mode():
        joined = network.filter(opinion, answer, logits, spectra)[..., :BINS]
        spectra = spectra[..., :BINS]
        mask = torch.sigmoid(logits)
        alone = mask * spectra + phoenix.head(answer, mask, spectra)
        light = network.filter_lightly(answer, logits, spectra)
    torch.testing.assert_close(light, alone)
    torch.testing.assert_close(joined, 0.5 * (alone + opinion * spectra), rtol=0, atol=1e-5)
