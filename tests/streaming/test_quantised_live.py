"""The laws of a stream hold for one in eight bits as well: to the last bit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joined_streams import small_network

from dsp.networks import linear
from dsp.networks.joined_step import QUICK_GRID, JoinedStep
from dsp.networks.linear import LinearKind
from dsp.networks.live_network import LIVE, LiveNetwork
from dsp.networks.packing import pack_joined
from dsp.networks.products import has_bytes
from dsp.networks.rocknet_streaming import StreamingUNet

if not has_bytes():
    pytest.skip("no AMX and no VNNI here", allow_module_level=True)

HOP = LIVE.hop_samples
HOPS = 48


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def packed(network):
    """Every product in eight bits, however small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "LEAST_QUANTISED", 0)
        patch.setattr(linear, "LEAST_OUTPUTS", 0)
        return pack_joined(network, LinearKind.EIGHT_BITS, QUICK_GRID)


def stream(packed):
    return LiveNetwork(JoinedStep(packed))


def music(hops, seed=0):
    rng = np.random.default_rng(seed)
    swell = np.geomspace(1e-4, 1.0, hops * HOP)  # from near silence to loud
    return (swell * rng.standard_normal((2, hops * HOP))).astype(np.float32)


@settings(deadline=None, max_examples=10)
@given(hops=st.lists(st.integers(0, 20), max_size=8))
def test_any_partition_gives_what_all_at_once_gives(packed, hops):
    x = music(HOPS)
    edges = [min(edge, HOPS) * HOP for edge in np.cumsum([0, *hops, HOPS])]
    separator = stream(packed)
    blocks = [separator.push(x[:, a:b]) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(blocks, axis=-1), stream(packed).push(x))


@pytest.mark.parametrize("hops", [0, 1, 2, 7, 33])
@pytest.mark.parametrize("first", [0, 5])
def test_a_rebuilt_stream_goes_on_as_if_it_had_heard_it(packed, hops, first):
    x = music(hops + 20)
    heard, rebuilt = stream(packed), stream(packed)
    heard.reset(first * HOP)
    heard.push(x[:, : hops * HOP])
    rebuilt.push(music(5, seed=1))  # what was there before must not matter
    rebuilt.rebuild(x[:, : hops * HOP], first * HOP)
    assert np.array_equal(rebuilt.push(x[:, hops * HOP :]), heard.push(x[:, hops * HOP :]))


def test_eight_seconds_rebuild_a_stream_that_has_run_for_longer(packed):
    before, context = 40, 8 * 44_100 // HOP
    x = music(before + context + 20)
    end = (before + context) * HOP
    heard, rebuilt = stream(packed), stream(packed)
    heard.push(x[:, :end])
    rebuilt.rebuild(x[:, before * HOP : end], before * HOP)
    assert np.array_equal(rebuilt.push(x[:, end:]), heard.push(x[:, end:]))


def test_later_samples_never_change_earlier_output(packed):
    x = music(HOPS)
    changed = x.copy()
    changed[:, 30 * HOP :] *= -2
    once, other = stream(packed).push(x), stream(packed).push(changed)
    assert np.array_equal(once[..., : 30 * HOP], other[..., : 30 * HOP])


def test_silence_stays_silence(packed):
    assert not stream(packed).push(np.zeros((2, 20 * HOP), np.float32)).any()


def test_output_is_finite_for_the_loudest_input(packed):
    assert np.isfinite(stream(packed).push(1e6 * music(20))).all()


def test_what_awaits_later_columns_takes_half_the_memory(network, packed):
    halved, whole = (
        StreamingUNet(unet, QUICK_GRID).snapshot()
        for unet in (packed.unet, pack_joined(network).unet)
    )
    sizes = [
        sum(array.nbytes for array in (*state.sums, state.delayed, *state.held))
        for state in (halved, whole)
    ]
    assert 2 * sizes[0] == sizes[1]


@pytest.mark.parametrize("level", [1e-3, 1.0])
def test_it_is_near_the_stream_in_32_bits_at_any_level(network, packed, level):
    x = level * music(HOPS)
    exact = LiveNetwork(JoinedStep(pack_joined(network, grid=QUICK_GRID))).push(x)
    error = stream(packed).push(x) - exact
    error_db = 10 * np.log10(np.square(error).sum() / np.square(exact).sum())
    assert -100 < error_db < -40  # near, and not the same arithmetic
