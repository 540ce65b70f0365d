"""A second voice at an interval: other pitch, same time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.training.augment.harmony import _INTERVALS, harmonise, shift_pitch

RATE_HZ = 44100
FRAMES = 2 * RATE_HZ


def sung(pitch_hz=220.0):
    time_s = np.arange(FRAMES) / RATE_HZ
    harmonics = range(1, 12)
    return sum(0.1 / k * np.sin(2 * np.pi * k * pitch_hz * time_s) for k in harmonics).astype(
        np.float32
    )


def energy(x):
    return float(np.square(x).sum())


def pitch_hz(x):
    middle = x[RATE_HZ // 2 : 3 * RATE_HZ // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    return int(spectrum.argmax())  # one bin is one hertz


@pytest.mark.parametrize("semitones", _INTERVALS)
def test_pitch_is_multiplied_and_nothing_is_lost(semitones):
    factor = 2.0 ** (semitones / 12.0)
    shifted = shift_pitch(sung(), factor)
    assert shifted.shape == (FRAMES,)
    assert pitch_hz(shifted) == pytest.approx(220.0 * factor, abs=1.0)
    assert energy(shifted) == pytest.approx(energy(sung()), rel=0.05)


def test_a_factor_of_one_changes_nothing():
    x = sung()
    np.testing.assert_allclose(shift_pitch(x, 1.0)[1024:-2048], x[1024:-2048], atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.5, 2.0), start_s=st.floats(0.3, 1.0))
def test_what_is_sung_stays_where_it_is(factor, start_s):
    x = sung()
    start, end = round(start_s * RATE_HZ), round((start_s + 0.5) * RATE_HZ)
    x[:start] = 0.0
    x[end:] = 0.0
    shifted = shift_pitch(x, factor)
    near = round(0.06 * RATE_HZ)
    assert energy(shifted[start - near : end + near]) > 0.99 * energy(shifted) > 0.0
    assert energy(shifted[start + near : end - near]) > 0.5 * energy(shifted)


@pytest.mark.parametrize("seed", range(6))
def test_the_copy_is_fainter_and_the_voice_is_still_there(seed):
    x = np.stack([sung(), sung()])
    harmony = harmonise(x, np.random.default_rng(seed), RATE_HZ) - x
    assert 0.01 * energy(x) < energy(harmony) < 0.8 * energy(x)
    sides = energy(harmony[0]) / energy(harmony)
    assert 0.05 < sides < 0.95
