"""L1Freq and the multi-resolution distance, by hand and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.spectral_distance import DistanceMeasure, l1_freq, multi_resolution_distance

gains = st.floats(0.1, 5).filter(lambda gain: abs(gain - 1) > 0.01)


def noise(seed, frames=9000):
    return (0.1 * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def spectra_by_torch(signal):
    """Transform without a window, with torch's defaults."""
    return torch.stft(
        torch.from_numpy(signal), 2048, 1024, window=torch.ones(2048), return_complex=True
    ).abs()


def test_l1_freq_follows_its_definition():
    reference, estimate = noise(1), noise(1) + 0.2 * noise(2)
    spectra = [spectra_by_torch(signal) for signal in (reference, estimate)]
    difference = float((spectra[0] - spectra[1]).abs().mean())
    assert l1_freq(reference, estimate) == pytest.approx(100 / (1 + 10 * difference), rel=1e-4)


def test_l1_freq_of_the_same_and_of_silence():
    silence = np.zeros((2, 4000), np.float32)
    assert l1_freq(noise(1), noise(1)) == l1_freq(silence, silence) == 100


@given(gain=gains)
@settings(max_examples=15)
def test_the_distance_of_a_gain_is_its_error_and_its_logarithm(gain):
    found = multi_resolution_distance(noise(3), np.float32(gain) * noise(3))
    assert found == pytest.approx(abs(1 - gain) + abs(np.log(gain)), rel=2e-3)


@given(gain=st.floats(0.2, 5), seed=st.integers(0, 9))
@settings(max_examples=15)
def test_the_distance_does_not_hear_a_gain_that_both_have(gain, seed):
    pair = noise(seed), noise(seed) + 0.3 * noise(seed + 10)
    louder = [np.float32(gain) * one for one in pair]
    expected = multi_resolution_distance(*pair)
    assert multi_resolution_distance(*louder) == pytest.approx(expected, rel=1e-2)


def test_a_distance_worked_by_hand():
    measure = DistanceMeasure()
    measure.add(np.array([[[3.0, 4.0]]], np.float32), np.array([[[3.0, 1.0]]], np.float32))
    assert measure.value == pytest.approx(3 / 5 + np.log(4) / 2)


def test_magnitudes_do_not_hear_polarity():
    assert multi_resolution_distance(noise(1), -noise(1)) == 0
