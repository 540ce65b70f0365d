"""Formants move, pitch does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.training.augment.formants import move_envelope, shift_formants

RATE_HZ = 44100
SECONDS = 2
PITCH_HZ = 200


def sung(formant_hz, pitch_hz=PITCH_HZ):
    """A harmonic tone through one broad resonance, [channel, frame]."""
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    harmonics = pitch_hz * np.arange(1, 40)
    loudness = np.exp(-np.square((harmonics - formant_hz) / 600.0))
    wave = sum(
        a * np.cos(2 * np.pi * hz * time_s) for a, hz in zip(loudness, harmonics, strict=True)
    )
    return 0.1 * np.stack([wave, 0.5 * wave]).astype(np.float32)


def energies(x):
    """Energy of each harmonic, and of all that is none, away from the ends."""
    middle = x[0, RATE_HZ // 2 : 3 * RATE_HZ // 2]
    spectrum = np.square(np.abs(np.fft.rfft(middle * np.hanning(middle.size))))
    near = [spectrum[k - 3 : k + 4].sum() for k in range(PITCH_HZ, 39 * PITCH_HZ, PITCH_HZ)]
    return np.array(near), spectrum.sum() - sum(near)


def centre_hz(x):
    harmonics, _ = energies(x)
    return (harmonics * PITCH_HZ * np.arange(1, 39)).sum() / harmonics.sum()


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_the_resonance_moves_by_the_factor_and_the_pitch_stays(factor):
    moved = move_envelope(sung(1500), RATE_HZ, factor)
    assert centre_hz(moved) == pytest.approx(1500 * factor, rel=0.05)
    harmonics, others = energies(moved)
    assert others < 0.01 * harmonics.sum()


def test_a_factor_of_one_changes_nothing():
    x = sung(1000)
    np.testing.assert_allclose(move_envelope(x, RATE_HZ, 1.0), x, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.8, 1.25), gain=st.floats(0.01, 10.0))
def test_a_louder_voice_is_changed_in_the_same_way(factor, gain):
    x = sung(1200)
    quiet = move_envelope(x, RATE_HZ, factor)
    loud = move_envelope(np.float32(gain) * x, RATE_HZ, factor)
    np.testing.assert_allclose(loud, gain * quiet, atol=1e-5 * gain)


def test_both_channels_are_changed_alike():
    moved = move_envelope(sung(1200), RATE_HZ, 1.2)
    np.testing.assert_allclose(moved[1], 0.5 * moved[0], atol=1e-6)


def test_semitones_bound_what_is_drawn():
    x = sung(1500)
    centres = [
        centre_hz(shift_formants(x, np.random.default_rng(seed), RATE_HZ, semitones=2.0))
        for seed in range(12)
    ]
    bound = 2.0 ** (2.0 / 12.0)
    assert 1500 / bound / 1.05 < min(centres) < 1450
    assert 1550 < max(centres) < 1500 * bound * 1.05
