"""Musical noise: kurtosis worked by hand, what masks do to it, and what leaves it alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.masking import apply_masks
from dsp.evaluation.musical_noise import MusicalNoiseMeasure, musical_noise
from dsp.evaluation.spectra import BLOCK_FRAMES


def noise(seed, frames=80_000):
    return (0.1 * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def masked(signal, share):
    """Keep only so many points of the spectrum, at random: what musical noise is made of."""
    rng = np.random.default_rng(0)
    (output,) = apply_masks([signal], lambda spectra: [rng.random(spectra[0].shape) < share])
    return output


@given(gain=st.floats(0.05, 10), seed=st.integers(0, 9))
@settings(max_examples=10)
def test_a_gain_or_polarity_is_no_artefact(gain, seed):
    signal = noise(seed)
    assert musical_noise(signal, np.float32(-gain) * signal) == pytest.approx(0, abs=1e-3)


def test_the_fewer_points_are_left_the_more_musical_is_the_noise():
    signal = noise(1)
    half, tenth = (musical_noise(signal, masked(signal, share)) for share in (0.5, 0.1))
    assert 0.05 < half < tenth


def test_it_is_antisymmetric():
    one, two = noise(1), masked(noise(1), 0.3)
    assert musical_noise(one, two) == pytest.approx(-musical_noise(two, one), abs=0.05)


def test_kurtosis_worked_by_hand():
    """Power 1 everywhere: E[p^4] / E[p^2]^2 = 1; on one frame in four: 4."""
    steady = np.ones((1, BLOCK_FRAMES, 17), np.float32)
    bursts = np.where(np.arange(BLOCK_FRAMES) % 4 == 0, 1, 0)[np.newaxis, :, np.newaxis] * steady
    measure = MusicalNoiseMeasure()
    measure.add(steady, bursts.astype(np.float32))
    assert measure.value == pytest.approx(np.log(4))


@pytest.mark.parametrize(("level_db", "counts"), [(-59.5, True), (-60.5, False)])
def test_cells_below_the_range_do_not_count(level_db, counts):
    """The quieter of the two decides: bursts, which have half of the quiet cell's power."""
    loud = np.ones((1, BLOCK_FRAMES, 16))
    quiet = np.sqrt(2) * 10 ** (level_db / 20) * loud
    bursts = quiet * (np.arange(BLOCK_FRAMES) % 2)[np.newaxis, :, np.newaxis]
    measure = MusicalNoiseMeasure()
    measure.add(loud.astype(np.float32), loud.astype(np.float32))
    measure.add(quiet.astype(np.float32), bursts.astype(np.float32))
    assert measure.value == pytest.approx(np.log(2) / 2 if counts else 0, abs=1e-6)


def test_silence_and_short_signals_have_none():
    assert musical_noise(noise(1), np.zeros_like(noise(1))) is None
    assert musical_noise(noise(1, 5000), noise(2, 5000)) is None
