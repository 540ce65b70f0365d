"""Streams share lanes, threads and an engine, and end as if each had them for itself."""

import threading
from types import SimpleNamespace

import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.separator import Lane
from protocol import Flush, Flushed, UnknownStem
from server.lanes.engine import Engine
from server.monitoring.metrics import Metrics
from server.streams.inbox import Inbox
from server.streams.task import StreamTask

TIMEOUT_S = 10
ACTIONS = st.sampled_from(["answer", "answer", "refuse", "fail"])
PLANS = st.lists(
    st.tuples(st.sampled_from(list(Lane)), st.lists(ACTIONS, min_size=1, max_size=6)),
    min_size=1,
    max_size=5,
)


class PlannedStream:
    """A stream whose worker answers, refuses or fails as planned; keeps what comes of it."""

    def __init__(self, number, lane, plan, log):
        self.outcomes = []
        self.expected = expected_outcomes(plan)
        self.has_ended = threading.Event()
        self._plan = list(plan)
        self.task = StreamTask(
            lane=lane,
            inbox=Inbox(None),
            worker=SimpleNamespace(
                stream=number, hop_frames=512, next_hop_end=0, answer=self.answer
            ),
            deliver=lambda answers: self.keep(*("answer" for _ in answers)),
            refuse=lambda error: self.keep(error.code),
            metrics=Metrics(),
            log=log,
        )
        for index in range(len(plan)):
            self.task.inbox.put(Flush(number), float(index))

    def answer(self, request):
        action = self._plan.pop(0)
        if action == "refuse":
            raise UnknownStem("a client's mistake")
        if action == "fail":
            raise FloatingPointError("a bug in a model")
        return [Flushed(request.stream, 0)]

    def keep(self, *outcomes):
        self.outcomes += outcomes
        if len(self.outcomes) >= len(self.expected):
            self.has_ended.set()


def expected_outcomes(plan):
    """A mistake costs its request; a failure the stream."""
    outcomes = []
    for action in plan:
        outcomes.append({"answer": "answer", "refuse": "E203", "fail": "E301"}[action])
        if action == "fail":
            break
    return outcomes


@given(plans=PLANS)
@settings(max_examples=40, deadline=None)
def test_every_stream_ends_as_if_it_were_alone(plans):
    engine, log = Engine(), structlog.testing.CapturingLogger()
    streams = [PlannedStream(number, *plan, log) for number, plan in enumerate(plans)]
    engine.start()
    for stream in streams:
        engine.wake(stream.task)
    for stream in streams:
        assert stream.has_ended.wait(TIMEOUT_S), (stream.outcomes, stream.expected)
    assert engine.stop(TIMEOUT_S)
    assert [stream.outcomes for stream in streams] == [stream.expected for stream in streams]
    assert len(log.calls) == sum("E301" in stream.expected for stream in streams)
    assert all(stream.task.next_deadline() is None for stream in streams)


@given(plan=st.lists(ACTIONS, min_size=1, max_size=6))
def test_after_a_failure_nothing_more_is_taken(plan):
    stream = PlannedStream(0, Lane.REALTIME, [*plan, "fail"], structlog.testing.CapturingLogger())
    while stream.task.next_deadline() is not None:
        stream.task.step()
    stream.task.inbox.put(Flush(0), 0.0)
    stream.task.step()
    assert stream.outcomes == stream.expected
    assert stream.expected[-1] == "E301"
