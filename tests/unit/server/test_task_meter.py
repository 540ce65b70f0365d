"""What a task tells of its hops: their cost, for the histogram and for admission, and lateness."""

from types import SimpleNamespace

import numpy as np
import pytest
import structlog

from dsp.separator import Lane
from protocol import Audio, Flush, Flushed, Pong, Stems, UnknownStem
from server.monitoring.metrics import Metrics
from server.streams.inbox import Inbox
from server.streams.task import StreamTask

HOP = 512
LATE = "phoenix_stems_late_blocks_total"
HOPS = "phoenix_stems_hop_seconds"


def stems(frames):
    return Stems(1, 0, 0, ("mix",), np.zeros((1, 2, frames), np.float32))


def audio(frames=HOP):
    return Audio(1, 0, 0, np.zeros((2, frames), np.float32))


class MeteredTask:
    """A task whose worker does as planned: seconds that pass, then the answers or an error."""

    def __init__(self, *plan, lane=Lane.REALTIME):
        self.now, self.hops, self.delivered, self.refused = 100.0, [], [], []
        self._plan = list(plan)
        self._registry = (metrics := Metrics()).registry
        worker = SimpleNamespace(
            stream=1,
            hop_frames=HOP,
            answer=self._answer,
            go_on=self._go_on,
            has_ready_hop=False,
            next_hop_end=0,
        )
        self.task = StreamTask(
            lane=lane,
            inbox=Inbox(None),
            worker=worker,
            deliver=self.delivered.extend,
            refuse=self.refused.append,
            metrics=metrics,
            log=structlog.testing.CapturingLogger(),
            on_hop=self.hops.append,
            clock=lambda: self.now,
        )

    def _answer(self, _request):
        return self._go_on()

    def _go_on(self):
        seconds, *answers = self._plan.pop(0)
        self.now += seconds
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def step(self, request, deadline=1e9):
        self.task.inbox.put(request, deadline)
        self.task.step()

    def metric(self, name, **labels):
        return self._registry.get_sample_value(name, labels)


def test_a_hop_is_told_to_the_histogram_of_its_lane_and_to_admission():
    metered = MeteredTask((0.004, stems(HOP)), (0.006, stems(HOP)))
    for _ in range(2):
        metered.step(audio())
    assert metered.hops == pytest.approx([0.004, 0.006])
    assert metered.metric(f"{HOPS}_count", lane="realtime") == 2
    assert metered.metric(f"{HOPS}_sum", lane="realtime") == pytest.approx(0.010)
    assert metered.metric(f"{HOPS}_count", lane="background") is None


def test_the_steps_that_gave_nothing_count_into_the_hop_that_they_filled():
    metered = MeteredTask((0.001,), (0.002,), (0.004, stems(HOP)), (0.003, stems(HOP)))
    for _ in range(4):
        metered.step(audio(170))
    assert metered.hops == pytest.approx([0.007, 0.003])


def test_several_hops_at_once_share_what_they_took():
    metered = MeteredTask((0.012, stems(2 * HOP), stems(HOP)))
    metered.step(audio(3 * HOP))
    assert metered.hops == pytest.approx([0.004]), "one figure for a step, of one hop"


def test_less_than_a_hop_counts_as_one():
    metered = MeteredTask((0.004, stems(HOP // 4)))
    metered.step(audio())
    assert metered.hops == pytest.approx([0.004])


def test_what_is_no_stems_is_no_hop():
    metered = MeteredTask((0.001, Pong(1)), (0.002, Pong(2), stems(HOP)))
    metered.step(audio())
    assert metered.hops == []
    metered.step(audio())
    assert metered.hops == pytest.approx([0.003])


def test_only_audio_is_metered():
    metered = MeteredTask((5.0, stems(HOP), Flushed(1, HOP)), (0.004, stems(HOP)))
    metered.step(Flush(1), deadline=0.0)
    assert metered.hops == []
    assert metered.metric(LATE) == 0
    metered.step(audio())
    assert metered.hops == pytest.approx([0.004])


def test_a_refused_block_is_no_hop():
    metered = MeteredTask((3.0, UnknownStem("none such")), (0.004, stems(HOP)))
    metered.step(audio(), deadline=0.0)
    metered.step(audio())
    assert metered.hops == pytest.approx([0.004])
    assert metered.metric(LATE) == 0


@pytest.mark.parametrize(("seconds", "late"), [(1.0, 0), (2.0, 0), (2.001, 1)])
def test_a_block_is_late_behind_its_deadline_and_not_at_it(seconds, late):
    metered = MeteredTask((seconds, stems(HOP)))
    metered.step(audio(), deadline=102.0)
    assert metered.metric(LATE) == late


def test_a_late_step_without_stems_makes_no_block_late():
    metered = MeteredTask((9.0,))
    metered.step(audio(), deadline=0.0)
    assert metered.metric(LATE) == 0


def test_without_anybody_to_tell_hops_are_computed_all_the_same():
    delivered = []
    task = StreamTask(
        lane=Lane.BACKGROUND,
        inbox=Inbox(None),
        worker=SimpleNamespace(
            stream=1,
            hop_frames=HOP,
            answer=lambda _: [stems(HOP)],
            has_ready_hop=False,
            next_hop_end=0,
        ),
        deliver=delivered.extend,
        refuse=pytest.fail,
        metrics=Metrics(),
        log=structlog.testing.CapturingLogger(),
    )
    task.inbox.put(audio(), 1e9)
    task.step()
    assert (len(delivered), task.rank) == (1, 0)
