"""Live streams are admitted while their hops fit, and refused with the figures."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.separator import Lane
from protocol import ServerFull
from server.lanes.admission import Admission, Demand
from server.lanes.hop_costs import HopCosts

KIND = ("model", "live")
HOP_S = 0.0116


def make_admission(hop_s, share=0.9, threads=1):
    costs = HopCosts(lambda: 0.0)
    costs.start(KIND, [hop_s])
    return Admission(share, costs, threads), costs


def demand(deadline_s=0.0174, lane=Lane.REALTIME, kind=KIND):
    return Demand(kind, lane, HOP_S, deadline_s)


def admit_all(admission, wanted, count=100):
    """Return how many get in."""
    for number in range(count):
        try:
            admission.admit(number, wanted)
        except ServerFull:
            return number
    return count


@given(st.floats(0.02, 0.9), st.floats(0.05, 0.99))
def test_as_many_as_fit_the_share_and_not_one_more(load, share):
    admission, _ = make_admission(load * HOP_S, share)
    # The time granted is no bound here: it is as long as a hop and one that has just begun.
    count = admit_all(admission, demand(deadline_s=2 * HOP_S))
    assert count == max(1, int(share / load + 1e-9))
    assert admission.load(Lane.REALTIME, 0) == pytest.approx(count * load)


def test_the_refusal_names_the_figures_and_what_to_do():
    admission, _ = make_admission(0.4 * HOP_S)
    assert admit_all(admission, demand()) == 2
    with pytest.raises(ServerFull) as refused:
        admission.admit("third", demand())
    assert re.fullmatch(
        r"a live stream of model/live takes 0\.40 of a core: 0\.80 of 0\.90 are promised to 2 "
        r"others; try again when others have gone, or raise limits\.live_load",
        refused.value.reason,
    )
    assert refused.value.code == "E210"


def test_hops_that_would_be_late_are_refused_though_the_share_is_there():
    admission, _ = make_admission(0.3 * HOP_S)
    short = demand(deadline_s=0.5 * HOP_S)
    admission.admit("first", demand(deadline_s=0.65 * HOP_S))
    with pytest.raises(ServerFull, match=r"within 5\.8 ms; grant a longer round trip"):
        admission.admit("second", short)
    admission.admit("second", demand())


def test_a_released_stream_makes_room():
    admission, _ = make_admission(0.5 * HOP_S, share=0.9)
    admission.admit("a", demand())
    with pytest.raises(ServerFull):
        admission.admit("b", demand())
    admission.release("a")
    admission.release("a")
    admission.admit("b", demand())
    assert admission.newest(Lane.REALTIME, 0) == "b"


@pytest.mark.parametrize("load", [0.97, 1.4])
def test_a_stream_alone_is_taken_and_leaves_no_room(load):
    admission, _ = make_admission(load * HOP_S)
    admission.admit("alone", demand())
    with pytest.raises(ServerFull):
        admission.admit("second", demand())


def test_lanes_are_threads_of_their_own():
    admission, _ = make_admission(0.6 * HOP_S)
    admission.admit("live", demand())
    admission.admit("studio", demand(lane=Lane.BACKGROUND))
    assert (admission.count(Lane.REALTIME, 0), admission.count(Lane.BACKGROUND, 0)) == (1, 1)
    assert admission.newest(Lane.REALTIME, 0) == "live"
    assert admission.newest(Lane.CATCH_UP, 0) is None


@given(st.floats(0.1, 0.9), st.integers(1, 6))
def test_every_thread_of_the_realtime_lane_takes_as_many_as_one_would(load, threads):
    alone, _ = make_admission(load * HOP_S)
    several, _ = make_admission(load * HOP_S, threads=threads)
    wanted = demand(deadline_s=2 * HOP_S)
    each = admit_all(alone, wanted)
    assert admit_all(several, wanted) == threads * each
    assert [several.count(Lane.REALTIME, n) for n in range(threads)] == [each] * threads


def test_a_stream_goes_where_most_room_is_and_keeps_its_thread():
    admission, costs = make_admission(0.3 * HOP_S, threads=2)
    costs.start(("light", "live"), [0.1 * HOP_S])
    light = demand(kind=("light", "live"))
    assert [admission.admit("a", demand()), admission.admit("b", light)] == [0, 1]
    assert admission.admit("c", light) == 1
    admission.release("a")
    assert admission.admit("b", demand()) == 1, "a switch stays, though the other is empty now"
    assert admission.newest(Lane.REALTIME, 0) is None
    assert admission.newest(Lane.REALTIME, 1) == "c"


def test_the_refusal_of_several_threads_tells_of_the_emptiest():
    admission, costs = make_admission(0.5 * HOP_S, threads=2)
    costs.start(("light", "live"), [0.2 * HOP_S])
    for name, kind in (("a", KIND), ("b", KIND), ("c", ("light", "live"))):
        admission.admit(name, demand(kind=kind))
    with pytest.raises(ServerFull, match=r"0\.50 of 0\.90 .* to 1 others on the emptiest of 2"):
        admission.admit("d", demand())


def test_only_the_realtime_lane_has_several_threads():
    admission, _ = make_admission(0.5 * HOP_S, threads=3)
    assert [len(admission.threads(lane)) for lane in Lane] == [3, 1, 1]


def test_todays_costs_count_not_those_at_admission():
    admission, costs = make_admission(0.2 * HOP_S)
    admission.admit("a", demand())
    for _ in range(100):
        costs.add(KIND, 0.6 * HOP_S)
    assert admission.load(Lane.REALTIME, 0) == pytest.approx(0.6)
    with pytest.raises(ServerFull):
        admission.admit("b", demand())


def test_a_switch_replaces_what_the_stream_was_promised():
    admission, costs = make_admission(0.5 * HOP_S)
    costs.start(("dear", "live"), [0.8 * HOP_S])
    admission.admit("a", demand())
    costs.start(("cheap", "live"), [0.1 * HOP_S])
    admission.admit("b", demand(kind=("cheap", "live")))
    admission.admit("a", demand(kind=("dear", "live")))
    assert admission.load(Lane.REALTIME, 0) == pytest.approx(0.9)
    costs.start(("dearer", "live"), [0.85 * HOP_S])
    with pytest.raises(ServerFull):
        admission.admit("a", demand(kind=("dearer", "live")))
    assert admission.load(Lane.REALTIME, 0) == pytest.approx(0.9), "refused: nothing has changed"


def test_checking_promises_nothing():
    admission, _ = make_admission(0.5 * HOP_S)
    admission.check(demand())
    assert admission.count(Lane.REALTIME, 0) == 0
