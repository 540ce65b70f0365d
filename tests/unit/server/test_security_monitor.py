"""Failed handshakes: every one is counted, and a flood of them fills no log."""

from itertools import pairwise

import pytest
import structlog
import zmq
from hypothesis import given
from hypothesis import strategies as st

from server.monitoring.metrics import Metrics
from server.transport.monitor import LOG_INTERVAL_S, HandshakeMonitor


class Desk:
    """A monitor whose clock is the test's; nobody connects to its socket."""

    def __init__(self, context):
        self.now = 0.0
        self.log = structlog.testing.CapturingLogger()
        self.metrics = Metrics()
        socket = context.socket(zmq.ROUTER)
        self.monitor = HandshakeMonitor(context, socket, self.log, self.metrics, lambda: self.now)

    def fail(self, reason, times=1):
        for _ in range(times):
            self.monitor.failed(reason)
            self.monitor.tell()

    @property
    def told(self):
        return [call.kwargs for call in self.log.calls]

    def counted(self, reason):
        name = "phoenix_stems_failed_handshakes_total"
        return self.metrics.registry.get_sample_value(name, {"reason": reason}) or 0


@pytest.fixture
def desk():
    context = zmq.Context()
    yield Desk(context)
    context.destroy(linger=0)


def test_the_first_failure_is_told_at_once(desk):
    desk.fail("protocol")
    assert desk.told == [{"protocol": 1}]


def test_a_flood_is_one_line_an_interval_with_all_of_it_counted(desk):
    desk.fail("no detail", times=1000)
    desk.fail("protocol", times=5)
    assert desk.told == [{"no detail": 1}]
    desk.now += LOG_INTERVAL_S - 0.001
    desk.monitor.read_all()
    assert len(desk.told) == 1
    desk.now += 0.001
    desk.monitor.read_all()
    assert desk.told[1:] == [{"no detail": 999, "protocol": 5}]
    assert (desk.counted("no detail"), desk.counted("protocol")) == (1000, 5)


def test_nothing_that_failed_is_nothing_told(desk):
    desk.now += 100
    desk.monitor.read_all()
    assert desk.told == []


@given(pauses=st.lists(st.floats(0, 30), max_size=40))
def test_lines_are_never_closer_than_the_interval_and_lose_nothing(pauses):
    context, moments = zmq.Context(), []
    try:
        desk = Desk(context)
        for pause in pauses:
            desk.now += pause
            before = len(desk.told)
            desk.fail("protocol")
            moments += [desk.now] * (len(desk.told) - before)
        desk.now += 2 * LOG_INTERVAL_S
        desk.monitor.tell()
    finally:
        context.destroy(linger=0)
    assert all(b - a >= LOG_INTERVAL_S for a, b in pairwise(moments))
    assert sum(line["protocol"] for line in desk.told) == len(pauses)
