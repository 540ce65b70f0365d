"""The live separator: any partition of the input, rebuilding, alignment, silence."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unet_streams import push_all

from dsp.errors import SignalError
from dsp.networks.bandwidth import widen_mask
from dsp.networks.live_network import LIVE, LIVE_FLOAT32, RATE_HZ, LiveNetwork
from dsp.networks.model_card import load_card
from dsp.networks.packing import pack_unet
from dsp.networks.rocknet_live import GRID, QUICK_GRID, RocknetStep
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_weights import untrained_weights
from dsp.reblock import Reblocker
from dsp.separator import Lane, Separator
from dsp.stft import analyse, asymmetric_windows, low_delay_windows, synthesise

HOP = LIVE.hop_samples
RELATIVE = 1e-5
PACKED = pack_unet(untrained_weights((2, 2, 3, 3, 4, 4), seed=2))


def music(hops, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((2, hops * HOP))).astype(np.float32)


@pytest.fixture(scope="module")
def separator():
    return LiveNetwork(RocknetStep(PACKED))


@pytest.fixture(scope="module")
def at_once(separator):
    x = music(64)
    separator.reset()
    return x, separator.push(x)


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= RELATIVE * np.abs(expected).max()


blocks = st.one_of(st.sampled_from([1, 17, 2027, 16384]), st.integers(1, 16384))


@settings(deadline=None, max_examples=10)
@given(sizes=st.lists(blocks, min_size=1, max_size=60))
def test_any_partition_gives_what_all_frames_at_once_give(separator, at_once, sizes):
    x, expected = at_once
    edges = [min(e, x.shape[1]) for e in np.cumsum([0, *sizes])]
    separator.reset()
    reblocker = Reblocker((2,), HOP)
    parts = [x[:, a:b] for a, b in pairwise([*edges, x.shape[1]])]
    streamed = np.concatenate([separator.push(reblocker.push(part)) for part in parts], axis=-1)
    assert_close(streamed, expected)


@pytest.mark.parametrize("size", [1, 17, 2027])
def test_equal_blocks_give_what_all_frames_at_once_give(separator, at_once, size):
    x, expected = at_once
    separator.reset()
    reblocker = Reblocker((2,), HOP)
    parts = [x[:, a : a + size] for a in range(0, x.shape[1], size)]
    hops = [reblocker.push(part) for part in parts]
    streamed = [separator.push(hop) for hop in hops if hop.shape[1]]
    assert_close(np.concatenate(streamed, axis=-1), expected)


def test_output_is_the_masked_spectrum_resynthesised(separator):
    x = music(20)
    windows = low_delay_windows(4096, HOP)
    spectra = analyse(x, windows)
    heard = analyse(x, asymmetric_windows(4096, 1024, HOP))
    unet = StreamingUNet(PACKED, GRID)
    magnitudes = np.abs(heard[..., :1024]).transpose(1, 0, 2)
    masks = widen_mask(push_all(unet, magnitudes).transpose(1, 0, 2), spectra.shape[-1])
    expected = synthesise((spectra * masks)[None], windows)
    separator.reset()
    assert_close(separator.push(x)[..., LIVE.delay_samples :], expected)


@settings(deadline=None, max_examples=6)
@given(hops=st.integers(1, 60), start=st.integers(0, 9))
def test_rebuilt_separator_goes_on_like_the_pushed_one(hops, start):
    x = music(hops + 10, seed=hops)
    pushed, rebuilt = LiveNetwork(RocknetStep(PACKED)), LiveNetwork(RocknetStep(PACKED))
    pushed.reset(start * HOP)
    pushed.push(x[:, : hops * HOP])
    rebuilt.rebuild(x[:, : hops * HOP], start * HOP)
    coming = x[:, hops * HOP :]
    assert_close(rebuilt.push(coming), pushed.push(coming))


def test_eight_seconds_rebuild_a_stream_that_has_run_for_longer():
    hops = 800
    context_hops = 8 * RATE_HZ // HOP
    x = music(hops + 8)
    pushed, rebuilt = LiveNetwork(RocknetStep(PACKED)), LiveNetwork(RocknetStep(PACKED))
    pushed.push(x[:, : hops * HOP])
    start = hops - context_hops
    rebuilt.rebuild(x[:, start * HOP : hops * HOP], start * HOP)
    coming = x[:, hops * HOP :]
    assert_close(rebuilt.push(coming), pushed.push(coming))


def test_later_samples_never_change_earlier_output(separator, at_once):
    x, expected = at_once
    changed = x.copy()
    changed[:, 30 * HOP :] *= -2
    separator.reset()
    assert np.array_equal(separator.push(changed)[..., : 30 * HOP], expected[..., : 30 * HOP])


def test_network_hears_magnitudes_of_the_energy_it_was_trained_on():
    trained_on = torch.hann_window(4096).square().sum()
    windows = asymmetric_windows(4096, LIVE.synthesis_overlap_samples + HOP, HOP)
    assert np.square(windows.analysis).sum() == pytest.approx(float(trained_on), rel=1e-3)


def test_silence_in_silence_out(separator):
    separator.reset()
    assert not separator.push(np.zeros((2, 10 * HOP), np.float32)).any()


def test_output_is_finite_for_the_loudest_input(separator):
    separator.reset()
    assert np.isfinite(separator.push(1e6 * music(10))).all()


def test_live_profile_is_what_the_engine_needs(separator):
    assert isinstance(separator, Separator)
    assert LIVE.algorithmic_latency_samples == 1024
    assert (LIVE.look_ahead_samples, LIVE.mask_lag_hops, LIVE.lane) == (0, 0, Lane.REALTIME)
    assert separator.stems == ("vocals",)


@pytest.mark.parametrize(("profile", "grid"), [(LIVE, QUICK_GRID), (LIVE_FLOAT32, GRID)])
def test_model_card_declares_what_a_live_profile_does(profile, grid):
    declared = load_card("rocknet").settings[profile.name]
    assert declared["deep_period_hops"] == grid.deep_period
    assert declared["deep_spread_hops"] == grid.deep_hops
    assert declared["mask_lag_hops"] == profile.mask_lag_hops
    assert declared["look_ahead_samples"] == profile.look_ahead_samples


def test_positions_off_the_hop_grid_are_refused(separator):
    with pytest.raises(SignalError, match="multiple of 512"):
        separator.reset(100)


@pytest.mark.parametrize("shape", [(1, HOP), (2, HOP + 1)])
def test_broken_hops_are_refused(separator, shape):
    with pytest.raises(SignalError, match="expected"):
        separator.push(np.zeros(shape, np.float32))
