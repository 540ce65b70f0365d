"""The reported latency holds for every pattern of block sizes, and not much less would.

A virtual clock counts samples: callback ``i`` starts when its last sample has been captured, and
fetches what has arrived before; what it sends leaves up to one sample later. The server answers
sample ``n`` once ``n + server.total`` samples have been sent; the answer is there a round trip
after they left.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.latency import (
    LatencyBudget,
    block_adaptation_samples,
    latency_budget,
    round_trip_samples,
)
from protocol import Latency


def smallest_holding_latency(blocks, hop, delay, round_trip):
    """Brute force: the least constant delay for which no sample of any callback is late."""
    clock, sent = 0, []  # (when it left, samples sent up to then)
    smallest = 0
    for frames in blocks:
        clock += frames
        arrived = [end for left, end in sent if left + round_trip < clock]
        sent.append((clock + 1, clock))
        whole_hops = (arrived[-1] if arrived else 0) // hop * hop
        stems_end = max(0, whole_hops - delay)
        smallest = max(smallest, clock - stems_end)
    return smallest


def patterns(maximum):
    """Return every cycle of up to three telling block sizes, repeated for a while."""
    sizes = sorted({1, 2, maximum // 2 + 1, maximum - 1 or 1, maximum})
    for length in (1, 2, 3):
        for cycle in itertools.product(sizes, repeat=length):
            if maximum in cycle:
                yield list(cycle) * (1 + 300 // sum(cycle))


@pytest.mark.parametrize("maximum", [2, 3, 8, 16, 17])
@pytest.mark.parametrize("hop", [1, 4, 16, 23])
@pytest.mark.parametrize("round_trip", [0, 1, 7, 40])
def test_no_pattern_of_blocks_needs_more_than_the_budget(maximum, hop, round_trip):
    delay = 5
    budget = latency_budget(Latency(hop, delay, 0, 0), maximum, round_trip)
    worst = max(
        smallest_holding_latency(blocks, hop, delay, round_trip) for blocks in patterns(maximum)
    )
    assert worst <= budget.total


@pytest.mark.parametrize("hop", [1, 16, 23])
@pytest.mark.parametrize("round_trip", [1, 7, 40])
def test_the_budget_is_tight_some_pattern_needs_every_sample_of_it(hop, round_trip):
    """A block ends one sample short of a hop, the next is the largest, then come single samples."""
    maximum, worst = 17, 0
    budget = latency_budget(Latency(hop, 0, 0, 0), maximum, round_trip)
    for lead in range(1, hop + maximum + 1):
        blocks = [1] * lead + [maximum] + [1] * (hop + round_trip + 2 * maximum)
        worst = max(worst, smallest_holding_latency(blocks, hop, 0, round_trip))
    assert worst == budget.total


def test_with_blocks_of_one_size_that_divides_the_hop_there_is_room_to_spare():
    """Why the live default holds with less than its budget; docs/latency.md has the figures."""
    needed = smallest_holding_latency([256] * 100, 512, 512, 768)
    assert needed == 2048 - 256


@given(
    blocks=st.lists(st.integers(1, 64), min_size=1, max_size=60),
    hop=st.integers(1, 48),
    delay=st.integers(0, 48),
    round_trip=st.integers(0, 100),
)
def test_any_sequence_of_blocks_stays_within_the_budget(blocks, hop, delay, round_trip):
    budget = latency_budget(Latency(hop, delay, 0, 0), max(blocks), round_trip)
    assert smallest_holding_latency(blocks, hop, delay, round_trip) <= budget.total


def test_a_round_trip_over_its_budget_makes_samples_late():
    budget = latency_budget(Latency(16, 0, 0, 0), 8, 20)
    assert smallest_holding_latency([8] * 50, 16, 0, 20 + 2 * 8) > budget.total


def test_the_live_default_is_2048_samples():
    server = Latency(hop=512, synthesis_overlap=512, look_ahead=0, resampler=0)
    budget = latency_budget(server, 256, round_trip_samples(44100))
    assert budget == LatencyBudget(256, 512, 512, 0, 0, 768)
    assert budget.total == 2048
    assert budget.total_ms(44100) == pytest.approx(46.44, abs=0.01)


@pytest.mark.parametrize(
    ("rate_hz", "expected"), [(44100, 768), (48000, 836), (88200, 1536), (96000, 1672), (8000, 140)]
)
def test_the_round_trip_scales_with_the_rate_and_rounds_up(rate_hz, expected):
    assert round_trip_samples(rate_hz) == expected


def test_block_adaptation_is_one_whole_block():
    assert [block_adaptation_samples(frames) for frames in (1, 256, 8192)] == [1, 256, 8192]
