"""Round trips are counted in bins, and quantiles never tell less than was measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.live_statistics import RoundTrips


@given(
    samples=st.lists(st.integers(0, 60000), min_size=1, max_size=100),
    fraction=st.sampled_from([0.5, 0.99]),
)
def test_a_quantile_is_right_within_a_bin(samples, fraction):
    trips = RoundTrips()
    for one in samples:
        trips.add(one)
    exact = np.quantile(samples, fraction, method="inverted_cdf")
    assert exact <= trips.quantile_samples(fraction) <= exact + 16
    assert trips.maximum_samples == max(samples)


@pytest.mark.parametrize("slow", [65536, 10**7])
def test_very_slow_answers_are_counted_too(slow):
    trips = RoundTrips()
    trips.add(slow)
    assert trips.maximum_samples == slow
    assert trips.quantile_samples(0.5) >= 65536 or slow == 65536


def test_nothing_counted_is_zero():
    assert RoundTrips().quantile_samples(0.99) == 0
