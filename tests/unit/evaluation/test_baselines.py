"""Outputs that take no skill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation.baselines import BASELINES, centre, constant_gain, mixture
from dsp.evaluation.metrics import usdr


def song(seed=0):
    rng = np.random.default_rng(seed)
    voice = np.repeat(rng.standard_normal((1, 1000)), 2, axis=0).astype(np.float32)
    band = rng.standard_normal((2, 1000)).astype(np.float32)
    return voice + band, {"vocals": voice, "instrumental": band}


def test_the_mixture_is_everyones_estimate():
    mixed, references = song()
    assert all(estimate is mixed for estimate in mixture(mixed, references).values())


@given(gain=st.floats(-2, 2), seed=st.integers(0, 5))
def test_no_other_gain_beats_the_constant_gain(gain, seed):
    mixed, references = song(seed)
    best = constant_gain(mixed, references)
    for stem, true in references.items():
        assert usdr(true, best[stem]) >= usdr(true, np.float32(gain) * mixed) - 1e-6


def test_the_constant_gain_of_silence_is_finite():
    silence = np.zeros((2, 10), np.float32)
    assert not constant_gain(silence, {"vocals": silence})["vocals"].any()


def test_the_centre_is_what_both_channels_share():
    mixed = np.array([[1.0, 2.0], [3.0, -2.0]], np.float32)
    estimates = centre(mixed, {"vocals": mixed, "instrumental": mixed})
    np.testing.assert_array_equal(estimates["vocals"], [[2, 0], [2, 0]])
    np.testing.assert_array_equal(estimates["vocals"] + estimates["instrumental"], mixed)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_estimates_the_stems_that_are_there(name):
    mixed, references = song()
    del references["vocals"]
    assert BASELINES[name](mixed, references).keys() == {"instrumental"}
