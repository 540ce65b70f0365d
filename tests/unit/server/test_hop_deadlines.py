"""What is admitted is in time: the test of demand against a lane simulated hop by hop."""

import itertools

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.lanes.scheduler import DeadlineQueue, HopJob, keeps_deadlines

PATTERN = 8  # hops, of which one is dearer
MILLISECONDS = 1e-3


@st.composite
def jobs(draw):
    period = draw(st.sampled_from([5, 11.6, 23.2])) * MILLISECONDS
    mean = draw(st.floats(0.01, 0.6)) * period
    p95 = draw(st.floats(1.0, 2.5)) * mean
    deadline = draw(st.floats(0.3, 3.0)) * period
    return HopJob(period, deadline, mean, p95)


def hop_cost(job, index):
    """One hop in eight is as dear as can be, the others such that the mean holds."""
    rest = (PATTERN * job.mean_s - job.p95_s) / (PATTERN - 1)
    return job.p95_s if index % PATTERN == 0 else rest


def missed_hops(jobs, phases, hops=120):
    """Run a lane as the engine does: the earliest deadline first, never interrupted."""
    arrivals = [
        (phase * job.period_s + index * job.period_s, number, index)
        for number, (job, phase) in enumerate(zip(jobs, phases, strict=True))
        for index in range(hops)
    ]
    arrivals.sort()
    queue, now, missed = DeadlineQueue(), 0.0, 0
    waiting = iter(arrivals)
    upcoming = next(waiting, None)
    while upcoming is not None or len(queue):
        if not len(queue):
            now = max(now, upcoming[0])
        while upcoming is not None and upcoming[0] <= now:
            arrival, number, index = upcoming
            queue.put((number, index), arrival + jobs[number].deadline_s)
            upcoming = next(waiting, None)
        number, index = queue.pop()
        now += hop_cost(jobs[number], index)
        due = (phases[number] + index) * jobs[number].period_s + jobs[number].deadline_s
        missed += now > due + 1e-9
    return missed


@given(st.lists(st.tuples(jobs(), st.floats(0, 1)), min_size=1, max_size=5))
def test_no_admitted_hop_misses_its_deadline_whatever_the_phases(streams):
    admitted, phases = zip(*streams, strict=True)
    assume(keeps_deadlines(admitted))
    assert missed_hops(admitted, phases) == 0


@settings(max_examples=10)
@given(st.integers(1, 4), st.floats(1.1, 3.0))
def test_more_than_a_core_is_never_admitted(count, load):
    job = HopJob(0.01, 0.5, load * 0.01 / count, load * 0.01 / count)
    assert not keeps_deadlines([job] * count)
    assert missed_hops([job] * count, [0.0] * count, hops=1000) > 0, "and would not be in time"


@given(st.integers(1, 12))
def test_95_percent_of_a_core_is_admitted_where_deadlines_are_a_period_and_a_hop_long(count):
    hop = 0.95 * 0.0116 / count
    stream = HopJob(0.0116, 0.0116 + hop, hop, hop)
    assert keeps_deadlines([stream] * count)
    for phases in itertools.islice(itertools.permutations([0, 0.3, 0.7] * 4, count), 3):
        assert missed_hops([stream] * count, phases) == 0


def test_a_hop_that_has_begun_counts_against_shorter_deadlines():
    short = HopJob(0.01, 0.004, 0.001, 0.001)
    long = HopJob(0.1, 0.1, 0.0035, 0.0035)
    assert not keeps_deadlines([short, long])
    assert keeps_deadlines([short, HopJob(0.1, 0.1, 0.0025, 0.0025)])


def test_nothing_is_always_in_time():
    assert keeps_deadlines([])
