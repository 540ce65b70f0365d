"""Phoenix live: any partition of the input, rebuilding, alignment, the promise of its latency."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.live_network import LIVE, LiveNetwork
from dsp.networks.packing import pack_phoenix
from dsp.networks.phoenix_network import live_network
from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig
from dsp.networks.phoenix_step import PhoenixStep
from dsp.separator import Separator

HOP = LIVE.hop_samples
HOPS = 48
SMALL = PhoenixConfig(TrunkConfig(widths=(2, 3, 4, 4, 5, 6)), head_width=3)
RELATIVE = 1e-5


def music(hops, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((2, hops * HOP))).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(5)
    network = live_network(SMALL).eval().requires_grad_(requires_grad=False)
    torch.nn.init.normal_(network.head.matrix.weight)
    return network


@pytest.fixture(scope="module")
def packed(network):
    return pack_phoenix(network)


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= RELATIVE * np.abs(expected).max()


def test_it_is_a_separator(packed):
    assert isinstance(LiveNetwork(PhoenixStep(packed)), Separator)
    assert LIVE.algorithmic_latency_samples == 1024


@settings(deadline=None, max_examples=15)
@given(hops=st.lists(st.integers(0, 20), max_size=12))
def test_any_partition_gives_what_all_at_once_gives(packed, hops):
    x = music(HOPS)
    edges = [min(edge, HOPS) * HOP for edge in np.cumsum([0, *hops, HOPS])]
    separator = LiveNetwork(PhoenixStep(packed))
    blocks = [separator.push(x[:, a:b]) for a, b in pairwise(edges)]
    assert_close(np.concatenate(blocks, axis=-1), LiveNetwork(PhoenixStep(packed)).push(x))


@pytest.mark.parametrize("first_hop", [0, 1, 8, 21])
def test_rebuilding_is_resetting_and_pushing(packed, first_hop):
    x = music(HOPS)
    rebuilt, pushed = LiveNetwork(PhoenixStep(packed)), LiveNetwork(PhoenixStep(packed))
    rebuilt.push(music(7, seed=1))
    rebuilt.rebuild(x[:, : 30 * HOP], first_hop * HOP)
    pushed.reset(first_hop * HOP)
    pushed.push(x[:, : 30 * HOP])
    rest = x[:, 30 * HOP :]
    assert np.array_equal(rebuilt.push(rest), pushed.push(rest))


def test_the_past_has_no_part_in_it_after_a_reset(packed):
    x = music(HOPS)
    used = LiveNetwork(PhoenixStep(packed))
    used.push(music(HOPS, seed=1))
    used.reset()
    assert np.array_equal(used.push(x), LiveNetwork(PhoenixStep(packed)).push(x))


def test_with_an_open_mask_samples_pass_unchanged_and_late_by_the_delay():
    network = live_network(SMALL).requires_grad_(requires_grad=False)
    network.trunk.mask.weight.zero_()
    network.trunk.mask.bias.fill_(100.0)
    x = music(HOPS)
    out = LiveNetwork(PhoenixStep(pack_phoenix(network))).push(x)[0]
    np.testing.assert_allclose(out[:, LIVE.delay_samples :], x[:, : -LIVE.delay_samples], atol=1e-6)


def test_silence_stays_silence(packed):
    assert not LiveNetwork(PhoenixStep(packed)).push(np.zeros((2, 20 * HOP), np.float32)).any()


def test_a_position_between_hops_is_refused(packed):
    with pytest.raises(SignalError, match="multiple of 512"):
        LiveNetwork(PhoenixStep(packed)).reset(100)
