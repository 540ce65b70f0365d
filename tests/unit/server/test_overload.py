"""Under lasting overload the newest live stream goes, is told why, and the door stays shut."""

from types import SimpleNamespace

import pytest

from dsp.separator import Lane
from protocol import ServerFull
from server.lanes.admission import Admission, Demand
from server.lanes.hop_costs import HopCosts
from server.lanes.lateness import Lateness
from server.monitoring.metrics import Metrics
from server.sessions.overload import (
    FIRST_PAUSE_S,
    HOPELESS_S,
    LONGEST_PAUSE_S,
    SUSTAINED_S,
    Overload,
    describe_load,
    note_load,
)

KIND = ("model", "live")
STEP_S = 0.0058


class Desk:
    """Streams that are late or not, on a clock of the test's."""

    def __init__(self, streams=3, load=0.3, threads=1):
        self.now = 100.0
        costs = HopCosts(lambda: self.now)
        costs.start(KIND, [load * 0.0116])
        self.costs = costs
        self.admission = Admission(0.95, costs, threads)
        self.ended = []
        self.overload = Overload(self.admission, lambda: self.now, self.end)
        self.streams = [self.open() for _ in range(streams)]

    def open(self):
        task = SimpleNamespace(is_catching_up=False, home_lane=Lane.REALTIME)
        stream = _Stream(task)
        task.live_thread = self.admission.admit(stream, Demand(KIND, Lane.REALTIME, 0.0116, 0.03))
        return stream

    def end(self, stream, error):
        self.admission.release(stream)
        self.ended.append((stream, error))

    def pass_time(self, seconds, late=(), growth=0.1):
        """Blocks of every stream come; those named are overdue, and by so much more each second."""
        late_s = 1.0
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            late_s += growth * STEP_S
            for stream in [s for s in self.streams if s not in self.gone]:
                deadline = self.now - late_s if stream in late else self.now + 0.01
                self.overload.watch(stream, deadline)

    @property
    def gone(self):
        return [stream for stream, _ in self.ended]


class _Stream:
    def __init__(self, task):
        self.opened_task = task
        self.lateness = Lateness()


def test_lateness_that_lasts_ends_the_newest_whoever_is_late():
    desk = Desk()
    desk.pass_time(SUSTAINED_S + 0.1, late=[desk.streams[0]])
    assert desk.gone == [desk.streams[2]]


def test_the_newest_of_the_thread_that_is_late_goes_and_no_other():
    desk = Desk(streams=5, threads=2)
    assert [stream.opened_task.live_thread for stream in desk.streams] == [0, 1, 0, 1, 0]
    desk.pass_time(SUSTAINED_S + 0.1, late=[desk.streams[1]])
    ((ended, error),) = desk.ended
    assert ended is desk.streams[3]
    assert "2 live streams take 0.60 of a core" in error.reason


def test_the_reason_is_in_numbers():
    desk = Desk()
    desk.pass_time(SUSTAINED_S + 0.1, late=[desk.streams[2]])
    ((_, error),) = desk.ended
    assert error.code == "E304"
    assert error.reason == (
        "stems were late for 1.0 s: 3 live streams take 0.90 of a core, 0.95 may be promised; the "
        "newest is ended, open it again in 2 s"
    )


def test_a_pause_of_the_machine_ends_nobody():
    desk = Desk()
    for _ in range(20):
        desk.pass_time(0.8 * SUSTAINED_S, late=desk.streams)
        desk.pass_time(2 * STEP_S)
    assert desk.ended == []


def test_who_catches_up_is_not_ended_unless_that_takes_for_ever():
    desk = Desk()
    desk.pass_time(0.5 * SUSTAINED_S, late=desk.streams)
    desk.pass_time(0.9 * HOPELESS_S - 0.5 * SUSTAINED_S, late=desk.streams, growth=-0.1)
    assert desk.ended == []
    desk.pass_time(0.2 * HOPELESS_S, late=desk.streams, growth=-0.1)
    assert desk.gone == [desk.streams[2]]


def test_the_others_have_time_to_catch_up_before_another_goes():
    desk = Desk()
    desk.pass_time(SUSTAINED_S + 2 * STEP_S, late=desk.streams)
    desk.pass_time(0.9 * SUSTAINED_S, late=desk.streams)
    assert desk.gone == [desk.streams[2]]
    desk.pass_time(1.3 * SUSTAINED_S, late=desk.streams)
    assert desk.gone == [desk.streams[2], desk.streams[1]], "newest first"


def test_a_rebuild_that_never_catches_up_ends_its_own_stream():
    desk = Desk()
    first = desk.streams[0]
    first.opened_task.is_catching_up = True
    desk.pass_time(0.9 * HOPELESS_S, late=[first])
    assert desk.ended == []
    desk.pass_time(0.2 * HOPELESS_S, late=[first])
    assert desk.gone == [first]


def test_after_an_end_nothing_new_is_taken_for_a_while_and_longer_each_time():
    desk = Desk()
    pauses = []
    for _ in range(8):
        desk.pass_time(2 * STEP_S)
        desk.pass_time(SUSTAINED_S + 2 * STEP_S, late=desk.streams)
        ended_at = desk.now
        with pytest.raises(ServerFull, match="new ones are taken in"):
            desk.overload.check(Lane.REALTIME)
        desk.overload.check(Lane.BACKGROUND)
        while True:
            try:
                desk.overload.check(Lane.REALTIME)
                break
            except ServerFull:
                desk.now += 0.5
        pauses.append(desk.now - ended_at)
        desk.streams.append(desk.open())
    assert pauses[0] == pytest.approx(FIRST_PAUSE_S, abs=1)
    assert pauses == sorted(pauses)
    assert pauses[-1] <= LONGEST_PAUSE_S + 1


def test_a_good_hour_makes_the_pause_short_again():
    desk = Desk()
    for _ in range(2):
        desk.pass_time(2 * STEP_S)
        desk.pass_time(SUSTAINED_S + 2 * STEP_S, late=desk.streams)
        desk.streams.append(desk.open())
    desk.now += 3600
    desk.pass_time(2 * STEP_S)
    desk.pass_time(SUSTAINED_S + 2 * STEP_S, late=desk.streams)
    assert f"again in {FIRST_PAUSE_S:.0f} s" in desk.ended[-1][1].reason


def test_health_and_metrics_show_load_and_what_was_ended():
    desk, metrics = Desk(streams=2), Metrics()
    note_load(metrics, desk.admission, desk.costs)
    read = metrics.registry.get_sample_value
    assert read("phoenix_stems_live_load", {"lane": "realtime"}) == pytest.approx(0.6)
    labels = {"model": "model", "profile": "live", "quantile": "0.95"}
    assert read("phoenix_stems_hop_cost_seconds", labels) == pytest.approx(0.3 * 0.0116)
    assert describe_load(metrics, desk.admission) == (
        "alive\nrealtime lane: 2 live streams take 0.60 of a core, 0.95 may be promised"
    )
    two = Desk(streams=3, threads=2)
    note_load(metrics, two.admission, two.costs)
    assert read("phoenix_stems_live_load", {"lane": "realtime"}) == pytest.approx(0.9)
    assert describe_load(metrics, two.admission).splitlines()[1:] == [
        "realtime lane 1: 2 live streams take 0.60 of a core, 0.95 may be promised",
        "realtime lane 2: 1 live streams take 0.30 of a core, 0.95 may be promised",
    ]
    metrics.shed_streams.inc()
    assert describe_load(metrics, desk.admission).endswith("\nlive streams ended for overload: 1")
