"""Blocks count as come no faster than they last: a flood hurries nobody, a burst is no flood."""

import math

from hypothesis import given
from hypothesis import strategies as st

from server.lanes.scheduler import Pace

BLOCK_S = 0.0058


def test_blocks_in_real_time_count_at_once():
    pace = Pace(burst_s=0.0)
    assert all(math.isclose(pace.release(i * BLOCK_S, BLOCK_S), i * BLOCK_S) for i in range(1000))


def test_a_period_cut_into_blocks_counts_at_once():
    pace = Pace(burst_s=3 * BLOCK_S)
    for period in range(100):
        now = 4 * BLOCK_S * period
        assert all(math.isclose(pace.release(now, BLOCK_S), now) for _ in range(4))


@given(blocks=st.integers(1, 400), burst=st.floats(0, 0.1))
def test_a_flood_counts_no_faster_than_it_lasts(blocks, burst):
    pace = Pace(burst)
    released = [pace.release(10.0, BLOCK_S) for _ in range(blocks)]
    assert released[-1] >= 10.0 + (blocks - 1) * BLOCK_S - burst - 1e-9
    assert released == sorted(released)


@given(st.lists(st.floats(0, 0.05), max_size=50), st.floats(0, 0.1))
def test_nothing_counts_before_it_comes(gaps, burst):
    pace, now = Pace(burst), 0.0
    for gap in gaps:
        now += gap
        assert pace.release(now, BLOCK_S) >= now


def test_after_a_pause_the_clock_starts_again():
    pace = Pace(burst_s=0.0)
    for _ in range(100):
        pace.release(0.0, BLOCK_S)
    assert pace.release(60.0, BLOCK_S) == 60.0
