"""The integer arithmetic of columns, phases and the deep schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.rocknet_grid import DEEP_STEPS, FIRST_DEEP_LEVEL, HopGrid
from dsp.networks.unet_shape import LEVELS

grids = st.builds(HopGrid, st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4, 8, 16]))
schedules = st.sampled_from([(1, 1), (2, 2), (4, 2), (4, 4), (8, 4), (16, 2)])
spread_grids = st.builds(lambda schedule: HopGrid(2, *schedule), schedules)
levels = st.integers(0, LEVELS - 1)
hops = st.integers(0, 10**9)


@pytest.mark.parametrize(("hops_per_column", "deep_period"), [(3, 1), (0, 1), (2, 3), (2, 32)])
def test_grids_that_do_not_fit_are_refused(hops_per_column, deep_period):
    with pytest.raises(ValueError, match="expected"):
        HopGrid(hops_per_column, deep_period)


@given(grid=grids, level=levels, hop=hops)
def test_column_spacing_leads_back_to_the_same_slot(grid, level, hop):
    spacing = grid.spacing_hops(level)
    assert grid.slot(level, hop) == grid.slot(level, hop + spacing)


@given(grid=grids, level=levels, first=hops)
def test_computed_hops_of_one_spacing_have_slots_of_their_own(grid, level, first):
    spacing, period = grid.spacing_hops(level), grid.period_hops(level)
    computed = [t for t in range(first, first + spacing) if t % period == 0]
    assert sorted(grid.slot(level, t) for t in computed) == list(range(grid.slots(level)))


@given(grid=grids, level=levels)
def test_spacing_is_a_multiple_of_the_period(grid, level):
    assert grid.spacing_hops(level) % grid.period_hops(level) == 0


@given(grid=grids, hop=hops)
def test_latest_deep_hop_is_deep_and_none_comes_after(grid, hop):
    latest = grid.latest_deep(hop)
    assert grid.is_deep(latest)
    assert not any(grid.is_deep(t) for t in range(latest + 1, hop + 1))


@pytest.mark.parametrize(("deep_period", "deep_hops"), [(4, 3), (4, 0), (2, 4), (16, 8)])
def test_spreads_that_do_not_fit_are_refused(deep_period, deep_hops):
    with pytest.raises(ValueError, match=f"{deep_hops} deep hops: 1, 2 or 4 expected"):
        HopGrid(2, deep_period, deep_hops)


@given(grid=spread_grids, hop=hops)
def test_steps_of_a_refresh_are_all_taken_and_never_undone(grid, hop):
    begin = grid.latest_deep(hop)
    taken = [grid.steps_until(t) for t in range(begin, begin + grid.deep_period)]
    assert taken == sorted(taken)
    assert taken[0] >= 1, "the entry of the deep levels is there for one hop only"
    assert taken[-1] == DEEP_STEPS


@given(grid=spread_grids, hop=hops)
def test_mask_hears_the_latest_refresh_whose_last_step_is_taken(grid, hop):
    heard = grid.latest_heard(hop)
    assert grid.is_deep(heard)
    age = hop - heard
    assert age >= grid.deep_period or grid.steps_until(hop) == DEEP_STEPS
    latest = grid.latest_deep(hop)
    assert heard == latest or grid.steps_until(hop) < DEEP_STEPS


@given(grid=grids, level=levels, age=st.integers(1, 2000))
def test_nothing_is_remembered_beyond_the_horizon(grid, level, age):
    end = 16 * 200
    if age > grid.horizon_hops(level, LEVELS - 1):
        assert not grid.is_remembered(level, end - age, end)
    elif grid.deep_period == 1:
        assert grid.is_remembered(level, end - age, end)


@given(grid=grids, hop=st.integers(10_000, 20_000))
def test_inputs_of_a_remembered_column_are_remembered_one_level_up(grid, hop):
    end = 20_000
    for level in range(1, LEVELS):
        if not grid.is_remembered(level, hop, end):
            continue
        for tap in range(5):
            needed = hop - tap * grid.spacing_hops(level - 1)
            assert grid.is_remembered(level - 1, needed, end)


def test_horizon_of_the_live_grid_is_below_six_seconds():
    assert HopGrid(2, 4).horizon_hops(0, LEVELS - 1) * 512 / 44_100 < 6
    assert HopGrid(2).horizon_hops(FIRST_DEEP_LEVEL, FIRST_DEEP_LEVEL) == 4 * 32
