"""What may enter a stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.sanitize import MAXIMUM_AMPLITUDE, sanitize_into


def sanitize(samples):
    """Give a clean copy, and how many were repaired."""
    clean = np.full(samples.shape, 7.0, np.float32)
    return clean, sanitize_into(samples, clean)


any_sample = st.floats(width=32, allow_subnormal=True)


@given(st.lists(any_sample, min_size=1, max_size=40))
@settings(deadline=None)
def test_whatever_comes_in_leaves_finite_bounded_and_normal(values) -> None:
    clean, _ = sanitize(np.array([values], np.float32))
    assert np.isfinite(clean).all()
    assert np.abs(clean).max() <= MAXIMUM_AMPLITUDE
    assert not np.any((clean != 0.0) & (np.abs(clean) < np.finfo(np.float32).tiny))


@given(st.lists(st.floats(-16, 16, width=32, allow_subnormal=False), min_size=2, max_size=40))
@settings(deadline=None)
def test_good_samples_stay_as_they_are(values) -> None:
    samples = np.array([values, values[::-1]], np.float32)
    clean, repaired = sanitize(samples)
    assert repaired == 0
    assert np.array_equal(clean, samples)


@pytest.mark.parametrize(
    ("bad", "repaired", "count"),
    [
        (np.nan, 0.0, 1),
        (np.inf, 0.0, 1),
        (-np.inf, 0.0, 1),
        (1e30, MAXIMUM_AMPLITUDE, 1),
        (-1e30, -MAXIMUM_AMPLITUDE, 1),
        (1e-40, 0.0, 0),
    ],
)
def test_each_kind_of_bad_sample(bad, repaired, count) -> None:
    clean, repaired_count = sanitize(np.array([[0.5, bad, -0.5]], np.float32))
    assert clean[0].tolist() == [0.5, repaired, -0.5]
    assert repaired_count == count


def test_a_messages_samples_may_be_read_only_and_lie_anyhow() -> None:
    samples = np.frombuffer(np.array([1.0, np.nan, 3.0, 4.0], np.float32).tobytes(), np.float32)
    for shaped in (samples.reshape(2, 2), samples.reshape(2, 2).T, samples.reshape(1, 4)[:, 1:3]):
        clean, repaired = sanitize(shaped)
        assert np.array_equal(clean, np.nan_to_num(shaped, nan=0.0))
        assert repaired == 1
    assert len(sanitize_into.signatures) == 1  # none is compiled in a stream's way


def test_the_input_is_left_alone_even_when_strided() -> None:
    samples = np.full((2, 8), np.nan, np.float32)
    clean, repaired = sanitize(samples[:, ::2])
    assert repaired == 8
    assert clean.shape == (2, 4)
    assert np.isnan(samples).all()
