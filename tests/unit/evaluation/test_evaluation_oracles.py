"""Masks give back what they should; ideal ones are the ceilings they are meant to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from dsp.evaluation.masking import HOP_SAMPLES, apply_masks
from dsp.evaluation.metrics import usdr
from dsp.evaluation.oracles import (
    MEDIAN_LENGTH,
    _running_median,
    harmonic_percussive,
    ideal_complex_mask,
    ideal_ratio_mask,
)


def noise(seed, frames=30_000, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def tone(hz, frames=150_000):
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(frames) / 44_100)
    return np.tile(wave, (2, 1)).astype(np.float32)


@given(frames=st.integers(1, 300_000), halo=st.integers(0, 9))
@settings(max_examples=20)
def test_a_mask_of_ones_gives_the_signal_back(frames, halo):
    signal = noise(1, frames)
    (output,) = apply_masks(
        [signal], lambda spectra: [np.ones_like(spectra[0], np.float32)], halo_frames=halo
    )
    assert output.shape == signal.shape
    np.testing.assert_allclose(output, signal, atol=1e-5)


def test_masks_see_their_halo_and_all_signals():
    shapes = set()

    def masks(spectra):
        shapes.add((len(spectra), *(one.shape[1] for one in spectra)))
        return [np.ones_like(spectra[0]), np.zeros_like(spectra[0])]

    signal = noise(1, 5 * HOP_SAMPLES)
    kept, removed = apply_masks([signal, signal], masks, halo_frames=3)
    assert shapes == {(2, 8 + 6, 8 + 6)}
    assert not removed.any()
    np.testing.assert_allclose(kept, signal, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 30), (3, 5)])
def test_running_medians_are_those_of_each_row(shape):
    rows = np.random.default_rng(0).random(shape).astype(np.float32)
    expected = median_filter(rows, (1, MEDIAN_LENGTH), mode="constant")
    np.testing.assert_array_equal(_running_median(rows), expected)


def test_ideal_masks_of_stems_apart_in_frequency_are_perfect():
    references = {"vocals": tone(400), "instrumental": tone(5000)}
    mixed = references["vocals"] + references["instrumental"]
    for oracle in (ideal_ratio_mask, ideal_complex_mask):
        for stem, estimate in oracle(mixed, references).items():
            assert usdr(references[stem], estimate) > 30


def test_knowing_the_phase_is_worth_something_and_both_beat_the_mixture():
    references = {"vocals": noise(1), "instrumental": noise(2)}
    mixed = references["vocals"] + references["instrumental"]
    ratio, whole = ideal_ratio_mask(mixed, references), ideal_complex_mask(mixed, references)
    for stem, true in references.items():
        assert usdr(true, mixed) + 3 < usdr(true, ratio[stem]) < usdr(true, whole[stem]) - 1


def test_the_complex_mask_turns_phase_but_never_amplifies():
    mixed = noise(1)
    for gain, expected in ((-0.5, -0.5), (2.0, 1.0), (-2.0, -1.0)):
        (estimate,) = ideal_complex_mask(mixed, {"vocals": np.float32(gain) * mixed}).values()
        np.testing.assert_allclose(estimate, expected * mixed, atol=1e-4)


def test_ideal_ratio_masks_share_the_mixture_out():
    references = {"vocals": noise(1), "instrumental": noise(2, level=0.03)}
    mixed = references["vocals"] + references["instrumental"]
    estimates = ideal_ratio_mask(mixed, references)
    np.testing.assert_allclose(sum(estimates.values()), mixed, atol=1e-4)


def test_what_lasts_is_harmonic_and_what_is_short_percussive():
    clicks = np.zeros((2, 150_000), np.float32)
    clicks[:, 20_000::25_000] = 3
    mixed = tone(440) + clicks
    estimates = harmonic_percussive(mixed, {"vocals": mixed, "instrumental": mixed})
    np.testing.assert_allclose(estimates["vocals"] + estimates["instrumental"], mixed, atol=1e-4)
    middle = slice(30_000, 120_000)  # at the very ends nothing has lasted
    assert usdr(tone(440)[:, middle], estimates["vocals"][:, middle]) > 15
    assert usdr(clicks[:, middle], estimates["instrumental"][:, middle]) > 10


@pytest.mark.parametrize("oracle", [harmonic_percussive, ideal_ratio_mask, ideal_complex_mask])
def test_silence_stays_silent(oracle):
    silence = np.zeros((2, 9000), np.float32)
    (estimate,) = oracle(silence, {"vocals": silence}).values()
    assert estimate.shape == silence.shape
    assert np.abs(estimate).max() == 0
