"""A stream's worker: model switches, exact bookkeeping, faults that stay in their stream."""

import numpy as np
import pytest
from server_client import expected, joined, noise

from dsp.networks.registry import load_model
from dsp.pipeline import StreamPipeline
from dsp.separator import Lane
from protocol import (
    Applied,
    Audio,
    EngineFault,
    Flush,
    Flushed,
    IncompatibleModel,
    InvalidField,
    Preroll,
    Set,
    Stems,
    UnknownStem,
)
from server.monitoring.metrics import Metrics
from server.streams.counters import Counters
from server.streams.inbox import Inbox
from server.streams.task import StreamTask
from server.streams.worker import StreamWorker, SwitchModel

MODEL = load_model("fixed-gains")


def make_worker(profile="live", stems=(), counters=None):
    pipeline = StreamPipeline(
        MODEL.separator(profile),
        rate_hz=44_100,
        channels=2,
        model_stems=MODEL.stems,
        stems=stems,
        max_block_frames=8192,
    )
    return StreamWorker(3, pipeline, MODEL.name, MODEL.stems, counters or Counters())


def switch_to(profile, request=None, stems=MODEL.stems):
    separator = MODEL.separator(profile)
    separator.stems = stems[:-1]
    return SwitchModel(request or Set(3, model="other"), "other", stems, separator)


def stems_of(answers):
    return [answer for answer in answers if isinstance(answer, Stems)]


def test_a_switch_of_models_leaves_no_gap_and_keeps_the_sum():
    dry, worker = noise(40_000), make_worker()
    blocks = stems_of(worker.answer(Audio(3, 0, 0, dry[:, :8192])))
    (applied,) = worker.answer(switch_to("live"))
    assert applied == Applied(3, 8192 - 512, "other", MODEL.stems)
    for start in range(8192, 40_000, 8192):
        blocks += stems_of(worker.answer(Audio(3, 0, start, dry[:, start : start + 8192])))
    blocks += stems_of(worker.answer(Flush(3)))
    np.testing.assert_allclose(joined(blocks), expected(dry), atol=1e-6)


def test_a_model_that_needs_more_latency_is_refused_and_nothing_changes():
    dry, worker = noise(8192), make_worker()
    with pytest.raises(IncompatibleModel, match="latency"):
        worker.answer(switch_to("studio"))
    blocks = stems_of([*worker.answer(Audio(3, 0, 0, dry)), *worker.answer(Flush(3))])
    np.testing.assert_array_equal(joined(blocks), expected(dry))


def test_a_new_model_keeps_the_stems_it_has():
    worker = make_worker(stems=("drums", "mix"))
    assert worker.answer(switch_to("live"))[0].stems == ("drums", "mix")


def test_a_new_model_without_those_stems_gives_all_of_its_own():
    worker = make_worker(stems=("drums",))
    stems = ("vocals", "bass", "other")
    assert worker.answer(switch_to("live", stems=stems))[0].stems == stems


def test_stems_named_in_a_switch_are_those_of_the_new_model():
    worker = make_worker()
    stems = ("vocals", "bass", "other")
    request = Set(3, model="other", stems=("bass",))
    assert worker.answer(switch_to("live", request, stems))[0].stems == ("bass",)
    with pytest.raises(UnknownStem):
        worker.answer(switch_to("live", Set(3, model="other", stems=("kazoo",))))


def test_only_the_first_of_several_stems_carries_their_cost():
    worker = make_worker("offline")
    answers = worker.answer(Audio(3, 0, 0, noise(8192)))
    answers = [*answers, *worker.answer(Flush(3))]
    assert isinstance(answers[-1], Flushed)
    worker = make_worker()
    first, *rest = stems_of(
        [a for start in (0, 8192) for a in worker.answer(Audio(3, 0, start, noise(8192)))]
    )
    assert first.compute_us > 0
    assert [stems.sequence for stems in (first, *rest)] == list(range(1 + len(rest)))


def test_what_the_inbox_dropped_is_told_with_the_stems():
    counters = Counters(dropped_frames=77)
    (stems,) = stems_of(make_worker(counters=counters).answer(Audio(3, 0, 0, noise(2048))))
    assert stems.dropped_frames == 77


def test_a_broken_preroll_may_be_sent_again():
    worker = make_worker()
    worker.answer(Preroll(3, 0, noise(100), last=False))
    with pytest.raises(InvalidField, match="99 given, 100 required"):
        worker.answer(Preroll(3, 99, noise(100), last=False))
    assert worker.answer(Preroll(3, 50, noise(100))) == []
    (stems,) = stems_of(worker.answer(Audio(3, 0, 150, noise(2048))))
    assert stems.position_samples == 150


class Log:
    def __init__(self):
        self.errors = []

    def error(self, event, **_):
        self.errors.append(event)


def make_task(worker):
    delivered, refused, log = [], [], Log()
    task = StreamTask(
        lane=Lane.REALTIME,
        inbox=Inbox(None),
        worker=worker,
        deliver=delivered.extend,
        refuse=refused.append,
        metrics=Metrics(),
        log=log,
    )
    return task, delivered, refused, log


def test_a_task_takes_one_request_per_step():
    task, delivered, refused, _ = make_task(make_worker())
    task.inbox.put(Audio(3, 0, 0, noise(2048)), 1.0)
    task.inbox.put(Flush(3), 2.0)
    assert task.next_deadline() == 1.0
    task.step()
    assert task.next_deadline() == 2.0
    task.step()
    assert (task.next_deadline(), refused) == (None, [])
    assert isinstance(delivered[-1], Flushed)
    task.step()


def test_a_clients_mistake_is_refused_and_the_stream_goes_on():
    task, delivered, refused, log = make_task(make_worker())
    task.inbox.put(Set(3, mute=("kazoo",)), 0.0)
    task.inbox.put(Flush(3), 0.0)
    task.step()
    task.step()
    assert [error.code for error in refused] == ["E203"]
    assert isinstance(delivered[0], Flushed)
    assert log.errors == []


def test_a_models_fault_ends_the_stream_and_is_logged():
    class Broken:
        stream, hop_frames, next_hop_end = 3, 512, 0

        def answer(self, _request):
            raise FloatingPointError("overflow in a model")

    task, delivered, refused, log = make_task(Broken())
    task.inbox.put(Flush(3), 0.0)
    task.inbox.put(Flush(3), 0.0)
    task.step()
    assert isinstance(refused[0], EngineFault)
    assert (delivered, task.next_deadline(), len(log.errors)) == ([], None, 1)


def test_late_blocks_are_counted():
    task, *_ = make_task(make_worker())
    metrics = task._late_blocks
    task.inbox.put(Audio(3, 0, 0, noise(2048)), 1e12)
    task.step()
    assert metrics._value.get() == 0
    task.inbox.put(Audio(3, 0, 2048, noise(2048)), 0.0)
    task.step()
    assert metrics._value.get() == 1
