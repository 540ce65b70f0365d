"""What a hop costs: outliers move nothing, news counts, what is old is forgotten."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.lanes.hop_costs import ENOUGH_HOPS, REMEMBERED_HOPS, REMEMBERED_S, HopCost, HopCosts

KIND = ("model", "live")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def costs(clock):
    costs = HopCosts(clock)
    costs.start(KIND, [0.002, 0.004])
    return costs


@given(st.lists(st.floats(0.001, 0.01), min_size=40, max_size=200), st.floats(0.1, 100))
def test_one_outlier_moves_no_figure_beyond_what_is_usual(seconds, outlier):
    cost = HopCost.of([*seconds, outlier])
    assert cost.p50_s <= max(seconds)
    assert cost.p95_s <= max(seconds)
    assert cost.mean_s <= max(seconds)


def test_the_mean_is_of_all_hops_up_to_the_dearest_usual_one():
    cost = HopCost.of([0.003] * 6 + [0.007] * 2)
    assert cost.mean_s == pytest.approx(0.004)
    assert (cost.p50_s, cost.p95_s) == (0.003, 0.007)


def test_the_first_measurement_counts_until_enough_hops_ran(costs):
    for _ in range(ENOUGH_HOPS - 1):
        costs.add(KIND, 0.05)
    assert costs.cost(KIND).mean_s == pytest.approx(0.003)
    costs.add(KIND, 0.05)
    assert costs.cost(KIND).mean_s == pytest.approx(0.05)


def test_what_ran_long_ago_is_forgotten(costs, clock):
    for _ in range(REMEMBERED_HOPS):
        costs.add(KIND, 0.05)
    clock.now = REMEMBERED_S + 1
    assert costs.cost(KIND).mean_s == pytest.approx(0.003)


def test_costs_follow_the_machine_within_some_seconds(costs):
    for seconds in np.repeat([0.05, 0.001], REMEMBERED_HOPS):
        costs.add(KIND, float(seconds))
    assert costs.cost(KIND).p95_s == pytest.approx(0.001)


def test_hops_of_a_kind_that_was_never_measured_are_not_kept(costs):
    costs.add(("other", "live"), 1.0)
    assert costs.kinds == (KIND,)
    with pytest.raises(KeyError):
        costs.cost(("other", "live"))


def test_measuring_again_forgets_nothing_newer(costs):
    for _ in range(ENOUGH_HOPS):
        costs.add(KIND, 0.05)
    costs.start(KIND, [0.001])
    assert costs.cost(KIND).mean_s == pytest.approx(0.05)
