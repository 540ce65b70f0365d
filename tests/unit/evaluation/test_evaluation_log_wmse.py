"""logWMSE against the values that its authors publish, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.log_wmse import BEST, RATE_HZ, log_wmse, weighted

SECOND = RATE_HZ


def uniform(seed, level=1.0, channels=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(-level, level, (channels, SECOND)).astype(np.float32)


def sine(hz, level=1.0):
    return (level * np.sin(2 * np.pi * hz * np.arange(SECOND) / RATE_HZ))[np.newaxis].astype("f4")


def test_a_tenth_left_of_what_should_be_silent_scores_as_published():
    mixture = uniform(42)
    assert log_wmse(mixture, np.zeros_like(mixture), 0.1 * mixture) == pytest.approx(
        18.42, abs=0.01
    )


def test_silence_and_exact_matches_score_as_published():
    silence = np.zeros((2, SECOND), np.float32)
    assert log_wmse(silence, silence, silence) == pytest.approx(73.68, abs=0.01)
    assert log_wmse(uniform(1), uniform(1), uniform(1)) == pytest.approx(73.68, abs=0.01)


@pytest.mark.parametrize(
    ("hz", "gain_db"), [(50, -16.0), (1000, 1.3), (3000, 4.2), (16_000, -11.8)]
)
def test_the_weighting_is_the_published_one(hz, gain_db):
    middle = slice(SECOND // 4, 3 * SECOND // 4)
    ratio = weighted(sine(hz))[:, middle].std() / sine(hz)[:, middle].std()
    assert 20 * np.log10(ratio) == pytest.approx(gain_db, abs=1.0)


def test_the_weighting_delays_nothing():
    middle = slice(SECOND // 4, 3 * SECOND // 4)
    for hz in (100, 1000, 10_000):
        filtered, tone = weighted(sine(hz))[0, middle], sine(hz)[0, middle]
        cosine = np.dot(filtered, tone) / np.linalg.norm(filtered) / np.linalg.norm(tone)
        assert cosine == pytest.approx(1, abs=1e-4)


def test_an_error_where_the_ear_is_keen_costs_as_much_more_as_published():
    rng = np.random.default_rng(42)
    target = rng.uniform(-0.03, 0.3, (1, SECOND)).astype(np.float32)
    low, high = sine(50, 0.3), sine(3000, 0.3)
    mixture = target + low + high
    only_low = log_wmse(mixture, target, target + 0.05 * low + high)
    only_high = log_wmse(mixture, target, target + low + 0.05 * high)
    assert only_low == pytest.approx(only_high - 17.2, abs=0.5)


def test_errors_that_nobody_hears_do_not_count():
    target = uniform(1, 0.1)
    hissing = target + uniform(3, 1e-4)
    assert log_wmse(target + uniform(2), target, hissing) == pytest.approx(BEST, abs=0.01)


@given(gain=st.floats(0.01, 10), seed=st.integers(0, 9))
@settings(max_examples=10)
def test_a_gain_of_everything_changes_nothing(gain, seed):
    target, factor = uniform(seed, 0.1, 2), np.float32(gain)
    mixture, estimate = target + uniform(seed + 10, 0.5, 2), target + uniform(seed + 20, 0.01, 2)
    expected = log_wmse(mixture, target, estimate)
    assert log_wmse(factor * mixture, factor * target, factor * estimate) == pytest.approx(
        expected, abs=0.02
    )


def test_channels_count_alike():
    one = uniform(1), uniform(2, 0.1), uniform(3, 0.1)
    both = [np.repeat(signal, 2, axis=0) for signal in one]
    assert log_wmse(*both) == pytest.approx(log_wmse(*one))
    silent = [np.vstack([signal, 0 * signal]) for signal in one]
    assert log_wmse(*silent) == pytest.approx((log_wmse(*one) + BEST) / 2)
