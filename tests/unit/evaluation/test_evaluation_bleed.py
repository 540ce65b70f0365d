"""Bleedless and fullness, against the definition written out, worked cases, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.bleed import bleedless_and_fullness
from dsp.evaluation.mel import mel_filters


def noise(seed, frames=12_000, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def by_definition(reference, estimate):
    filters = torch.from_numpy(mel_filters(44_100, 4096, 512).toarray())
    levels = []
    for signal in (reference, estimate):
        spectra = torch.stft(
            torch.from_numpy(signal),
            4096,
            1024,
            window=torch.hann_window(4096),
            pad_mode="constant",
            return_complex=True,
        )
        decibels = 20 * torch.log10((filters @ spectra.abs()).clamp(min=1e-10))
        levels.append(decibels.clamp(min=float(decibels.max()) - 80))
    difference = levels[1] - levels[0]
    more, less = difference[difference > 0], difference[difference < 0]
    return 100 / (1 + float(more.mean())), 100 / (1 - float(less.mean()))


def quiet_tail(signal):
    """Reach below the range of 80 dB."""
    return signal * np.geomspace(1, 1e-7, signal.shape[1], dtype=np.float32)


@pytest.mark.parametrize("shape", [lambda x: x, quiet_tail])
def test_they_follow_their_definition(shape):
    reference, estimate = shape(noise(1, 90_000)), noise(1, 90_000) + noise(2, 90_000, 0.03)
    found = bleedless_and_fullness(reference, estimate)
    expected = by_definition(reference, estimate)
    assert (found["bleedless"], found["fullness"]) == pytest.approx(expected, rel=1e-4)


def test_the_same_signal_is_without_bleed_and_full():
    assert bleedless_and_fullness(noise(1), noise(1)) == {"bleedless": 100, "fullness": 100}


@given(gain_db=st.floats(0.5, 30), seed=st.integers(0, 9))
@settings(max_examples=15)
def test_a_gain_is_bleed_or_lack_of_its_size(gain_db, seed):
    """Each signal has its own floor, so that a gain moves every band alike."""
    signal, gain = noise(seed), np.float32(10 ** (gain_db / 20))
    louder = bleedless_and_fullness(signal, gain * signal)
    assert louder["bleedless"] == pytest.approx(100 / (1 + gain_db), rel=1e-3)
    quieter = bleedless_and_fullness(gain * signal, signal)
    assert quieter["fullness"] == pytest.approx(100 / (1 + gain_db), rel=1e-3)
    assert quieter["bleedless"] == 100


def test_added_sound_is_bleed_and_a_hole_is_lack():
    song = noise(1, 60_000)
    holed = song.copy()
    holed[:, 20_000:40_000] = 0
    assert bleedless_and_fullness(holed, song)["bleedless"] < 5
    assert bleedless_and_fullness(song, holed)["fullness"] < 5


def test_silence_for_an_answer_is_defined():
    silence = np.zeros((2, 5000), np.float32)
    for value in bleedless_and_fullness(noise(1, 5000), silence).values():
        assert 0 < value <= 100
