"""Where a stream's steps run, and how long they are: a rebuild apart, audio one hop at a time."""

import itertools
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from server_client import expected, joined, noise

from dsp.networks.registry import load_model
from dsp.pipeline import StreamPipeline
from dsp.separator import Lane
from protocol import Audio, Preroll, Seek, Set, Stems
from server.monitoring.metrics import Metrics
from server.streams.counters import Counters
from server.streams.inbox import Inbox
from server.streams.task import StreamTask
from server.streams.worker import StreamWorker, SwitchModel

MODEL = load_model("fixed-gains")
HOP_S = 512 / 44_100


class Stream:
    """A task with a real pipeline, on a clock of the test's."""

    def __init__(self, lane=Lane.REALTIME, rate_hz=44_100):
        pipeline = StreamPipeline(
            MODEL.separator("live"),
            rate_hz=rate_hz,
            channels=2,
            model_stems=MODEL.stems,
            max_block_frames=8192,
        )
        self.worker = StreamWorker(1, pipeline, MODEL.name, MODEL.stems, Counters())
        self.worker.is_hop_by_hop = True
        self.now, self.batches, self.hops = 0.0, [], []
        self.task = StreamTask(
            lane=lane,
            inbox=Inbox(None),
            worker=self.worker,
            deliver=self.batches.append,
            refuse=pytest.fail,
            metrics=Metrics(),
            log=structlog.testing.CapturingLogger(),
            hop_s=HOP_S,
            on_hop=self.hops.append,
            clock=lambda: self.now,
        )

    def put(self, request, deadline=1.0):
        self.task.inbox.put(request, deadline)

    def work(self):
        while self.task.next_deadline() is not None:
            self.task.step()

    @property
    def stems(self):
        return [
            message for batch in self.batches for message in batch if isinstance(message, Stems)
        ]


def audio(position, frames=256):
    return Audio(1, 0, position, noise(frames))


def test_a_rebuild_runs_on_the_catch_up_lane_and_so_does_what_it_made_late():
    stream = Stream()
    stream.put(Seek(1, 8192))
    assert stream.task.lane is Lane.REALTIME
    stream.task.step()
    stream.put(Preroll(1, 0, noise(8192)))
    stream.put(audio(8192, 512), deadline=2.0)
    stream.put(audio(8704, 512), deadline=9.0)
    assert stream.task.lane is Lane.CATCH_UP
    stream.now = 3.0  # the rebuild takes that long
    stream.task.step()
    assert stream.task.lane is Lane.CATCH_UP, "the next block is overdue"
    stream.task.step()
    assert stream.task.lane is Lane.REALTIME, "the one behind it is not"


def test_a_new_model_is_rebuilt_on_the_catch_up_lane():
    stream = Stream()
    switch = SwitchModel(Set(1, model="other"), "other", MODEL.stems, MODEL.separator("live"))
    stream.put(switch)
    assert stream.task.lane is Lane.CATCH_UP
    stream.work()
    assert stream.task.lane is Lane.REALTIME


@pytest.mark.parametrize("lane", [Lane.BACKGROUND, Lane.CATCH_UP])
def test_only_realtime_streams_change_lanes(lane):
    stream = Stream(lane)
    stream.put(Preroll(1, 0, noise(512)))
    assert stream.task.lane is lane


def test_parts_of_a_hop_wait_for_the_rest_and_are_taken_with_it():
    stream = Stream()
    stream.put(audio(0, 512))
    stream.task.step()  # the first starts the stream
    told = len(stream.batches)
    for position in range(512, 512 + 448, 64):
        stream.put(audio(position, 64), deadline=1.0)
    assert stream.task.next_deadline() is None
    stream.put(audio(512 + 448, 64), deadline=2.0)
    assert stream.task.next_deadline() == 2.0
    stream.task.step()
    assert (stream.task.next_deadline(), len(stream.task.inbox)) == (None, 0)
    (answers,) = stream.batches[told:]
    assert [stems.samples.shape[-1] for stems in answers] == [512]


def test_a_rebuild_behind_parts_of_a_hop_is_still_one_of_the_catch_up_lane():
    stream = Stream()
    stream.put(audio(0, 512))
    stream.task.step()
    stream.put(audio(512, 64))
    stream.put(Preroll(1, 0, noise(512)))
    assert stream.task.lane is Lane.REALTIME
    stream.task.step()
    assert len(stream.task.inbox) == 1
    assert stream.task.lane is Lane.CATCH_UP


def test_one_step_computes_one_hop_and_the_next_has_a_hop_more_time():
    stream = Stream()
    stream.put(audio(0, 512), deadline=1.0)
    stream.task.step()  # the first starts the stream
    stream.put(audio(512, 2048), deadline=5.0)
    deadlines = []
    while (deadline := stream.task.next_deadline()) is not None:
        deadlines.append(deadline)
        stream.task.step()
    assert deadlines == pytest.approx([5.0 + index * HOP_S for index in range(4)])
    assert [stems.samples.shape[-1] for stems in stream.stems[-4:]] == [512] * 4


@given(lengths=st.lists(st.integers(1, 8192), min_size=1, max_size=6))
@settings(max_examples=30)
def test_hop_by_hop_gives_the_same_samples_as_all_at_once(lengths):
    dry, stream = noise(sum(lengths)), Stream()
    for end, length in zip(itertools.accumulate(lengths), lengths, strict=True):
        stream.put(Audio(1, 0, end - length, dry[:, end - length : end]))
    stream.work()
    if stream.stems:
        heard = joined(stream.stems)
        np.testing.assert_array_equal(heard, expected(dry)[..., : heard.shape[-1]])
    assert sum(s.samples.shape[-1] for s in stream.stems) >= sum(lengths) - 1023


@given(lengths=st.lists(st.integers(1, 4096), min_size=1, max_size=6))
@settings(max_examples=20)
def test_hop_by_hop_holds_the_promise_of_latency_at_other_rates(lengths):
    stream = Stream(rate_hz=48_000)
    total = stream.worker._pipeline.latency.total
    for end, length in zip(itertools.accumulate(lengths), lengths, strict=True):
        stream.put(audio(end - length, length))
        stream.work()
        out = sum(s.samples.shape[-1] for s in stream.stems)
        assert out >= end - total


def test_a_hop_costs_what_all_the_steps_took_that_filled_it():
    stream = Stream()
    answer = stream.worker.answer

    def slow_answer(request):
        stream.now += 0.003
        return answer(request)

    stream.worker.answer = slow_answer
    for block in range(8):
        stream.put(audio(256 * block), deadline=99.0)
    stream.work()
    assert stream.hops[1:] == pytest.approx([0.006] * (len(stream.hops) - 1))


def test_a_step_does_nothing_while_another_thread_is_in_one():
    stream, entered, leave = Stream(), threading.Event(), threading.Event()

    def wait(_request):
        entered.set()
        leave.wait(10)
        return []

    stream.task._worker = SimpleNamespace(stream=1, hop_frames=512, next_hop_end=0, answer=wait)
    stream.put(Seek(1, 0))
    stream.put(Seek(1, 1))
    busy = threading.Thread(target=stream.task.step)
    busy.start()
    assert entered.wait(10)
    stream.task.step()
    assert len(stream.task.inbox) == 1, "the second request was left alone"
    leave.set()
    busy.join()


def test_a_closed_stream_has_nothing_left_to_do_in_the_middle_of_a_block():
    stream = Stream()
    stream.put(audio(0, 512))
    stream.task.step()
    stream.put(audio(512, 4096))
    stream.task.step()
    assert stream.task.next_deadline() is not None
    stream.task.inbox.close()
    assert stream.task.next_deadline() is None
