"""Spectra, block by block, are those of a transform of the whole; the mel scale is Slaney's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation.mel import hz_to_mel, mel_filters, mel_to_hz
from dsp.evaluation.spectra import BLOCK_FRAMES, Resolution, feed, magnitudes


def noise(frames, seed=0):
    return np.random.default_rng(seed).standard_normal((2, frames)).astype(np.float32)


def whole(signal, resolution):
    """[channel, frame, bin] by torch, in one piece."""
    size = resolution.fft_samples
    window = torch.hann_window(size) if resolution.window == "hann" else torch.ones(size)
    spectra = torch.stft(
        torch.from_numpy(signal),
        size,
        resolution.hop_samples,
        window=window,
        pad_mode=resolution.edges,
        return_complex=True,
    )
    return spectra.abs().numpy().transpose(0, 2, 1)


@pytest.mark.parametrize(
    "resolution",
    [Resolution(512, 128), Resolution(256, 128, "boxcar", "reflect"), Resolution(4096, 1024)],
)
@pytest.mark.parametrize("frames", [3000, 20_001])
def test_blocks_join_to_the_transform_of_the_whole(resolution, frames):
    signal = noise(frames)
    blocks = list(magnitudes(signal, resolution))
    assert all(block.shape[1] == BLOCK_FRAMES for block in blocks[:-1])
    expected = whole(signal, resolution)
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), expected, atol=2e-3)


def test_a_signal_too_short_for_a_mirror_ends_in_silence():
    short = noise(10)
    mirrored = next(magnitudes(short, Resolution(64, 32, edges="reflect")))
    np.testing.assert_array_equal(mirrored, next(magnitudes(short, Resolution(64, 32))))


def test_every_measure_hears_the_same_frames_of_both():
    heard = []

    class Measure:
        def add(self, reference, estimate):
            heard.append((reference, estimate))

    signal = noise(5000)
    feed(signal, 2 * signal, Resolution(128, 64), [Measure(), Measure()])
    assert len(heard) == 2 * 2
    for reference, estimate in heard:
        np.testing.assert_allclose(estimate, 2 * reference, rtol=1e-5)


@pytest.mark.parametrize(("hz", "mel"), [(0, 0), (200, 3), (1000, 15), (6400, 42)])
def test_mels_are_slaneys(hz, mel):
    assert hz_to_mel(np.array(float(hz))) == pytest.approx(mel)


@given(hz=st.floats(0, 22_050))
def test_the_mel_scale_can_be_undone(hz):
    assert mel_to_hz(hz_to_mel(np.array(hz))) == pytest.approx(hz, abs=1e-6)


def test_wide_filters_are_triangles_of_unit_area():
    filters = mel_filters(44_100, 4096, 64).toarray()
    np.testing.assert_allclose(filters.sum(axis=1) * 44_100 / 4096, 1, atol=0.02)
    assert (np.diff(filters.argmax(axis=1)) > 0).all()
    assert ((filters > 0).sum(axis=0) <= 2).all()
