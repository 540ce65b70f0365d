"""The offline profile: exactly one run over the whole song, at the delay it states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from dsp.errors import SignalError
from dsp.networks.bandwidth import TOP_BINS, widen_mask
from dsp.networks.unet import unet_mask
from dsp.networks.unet_offline import PROFILE, WINDOWS, OfflineUNet, energy_share
from dsp.networks.unet_shape import BIN_COUNT, GRID
from dsp.networks.unet_weights import untrained_weights
from dsp.separator import Separator
from dsp.stft import analyse, synthesise

HOP = PROFILE.hop_samples
EDGE = 5 * HOP  # silence beyond the receptive field
WIDTHS = (2, 2, 3, 3, 4, 4)


@pytest.fixture(scope="module")
def weights():
    return untrained_weights(WIDTHS, seed=1), untrained_weights(WIDTHS, seed=2)


@pytest.fixture(scope="module")
def separator(weights):
    with ThreadPoolExecutor(2) as executor:
        yield OfflineUNet(executor, *weights)


def music(hops, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((2, hops * HOP))).astype(np.float32)


def at_once(weights, x):
    """One transform, one run of each net, one inverse transform."""
    padded = np.pad(x, ((0, 0), (0, EDGE)))
    spectra = analyse(padded, WINDOWS)
    magnitudes = torch.from_numpy(np.abs(spectra[..., :BIN_COUNT]))[None]
    vocals, instrumental = (unet_mask(net, magnitudes)[0].numpy() for net in weights)
    share = energy_share(vocals, instrumental)
    share = np.concatenate(
        [share, np.repeat(share[..., -TOP_BINS:].mean(-1, keepdims=True), 1025, axis=-1)], axis=-1
    )
    return synthesise((share * spectra)[None], WINDOWS)[..., : x.shape[1]]


def separated(separator, x, hops_per_push=1):
    delay = PROFILE.delay_samples
    padded = np.pad(x, ((0, 0), (0, -(-delay // HOP) * HOP)))
    separator.reset()
    parts = [
        separator.push(padded[:, start : start + hops_per_push * HOP])
        for start in range(0, padded.shape[1], hops_per_push * HOP)
    ]
    return np.concatenate(parts, axis=2)[..., delay : delay + x.shape[1]]


def test_it_is_a_separator(separator):
    assert isinstance(separator, Separator)


@pytest.mark.parametrize("hops_per_push", [1, 2, 7])
def test_streaming_equals_one_run_over_the_song(separator, weights, hops_per_push):
    x = music(2)
    expected = at_once(weights, x)
    streamed = separated(separator, x, hops_per_push)
    assert np.abs(streamed - expected).max() <= 1e-5 * np.abs(expected).max()


def test_rebuilding_is_pushing(separator):
    x = music(3)
    separator.reset(-2 * HOP)
    separator.push(x[:, : 2 * HOP])
    expected = separator.push(x[:, 2 * HOP :])
    separator.rebuild(x[:, : 2 * HOP], -2 * HOP)
    np.testing.assert_array_equal(separator.push(x[:, 2 * HOP :]), expected)


def test_silence_stays_silence(separator):
    separator.reset()
    assert not separator.push(np.zeros((2, 5 * HOP), np.float32)).any()


def test_the_grid_is_anchored(separator):
    assert HOP == 4 * GRID * 1024
    separator.reset(3 * HOP)
    with pytest.raises(SignalError, match=f"multiple of {HOP}"):
        separator.reset(HOP // 2)


@pytest.mark.parametrize("shape", [(2, 1024), (1, HOP)])
def test_a_broken_hop_is_refused(separator, shape):
    with pytest.raises(SignalError, match="expected"):
        separator.push(np.zeros(shape, np.float32))


def test_the_share_is_of_the_energy():
    vocals = np.array([0.0, 0.3, 1.0, 0.4], np.float32)
    instrumental = np.array([0.0, 0.4, 0.0, 0.4], np.float32)
    np.testing.assert_allclose(energy_share(vocals, instrumental), [0.5, 0.36, 1, 0.5], atol=1e-6)


def test_a_widened_mask_goes_on_as_it_ended():
    mask = np.linspace(0, 1, 2 * 64, dtype=np.float32).reshape(2, 64)
    wide = widen_mask(mask, 100)
    np.testing.assert_array_equal(wide[:, :64], mask)
    np.testing.assert_allclose(wide[:, 64:], mask[:, 32:].mean(axis=1)[:, None] * np.ones(36))
