"""Lanes run tasks to the end, the most urgent first, each lane on a thread of its own."""

import math
import os
import select
import threading
import time

import pytest

from dsp.separator import Lane
from server.lanes.engine import Engine, default_live_threads
from server.lanes.priority import BACKGROUND_NICE, PREPARING_PRIORITY
from server.transport.mailbox import Mailbox


class Task:
    """Runs functions, one per step; all want to be done by ``deadline``."""

    def __init__(self, *steps, lane=Lane.REALTIME, deadline=math.inf, rank=0, live_thread=0):
        self.lane = lane
        self.live_thread = live_thread
        self.rank = rank
        self._steps = list(steps)
        self._deadline = deadline

    def next_deadline(self):
        return self._deadline if self._steps else None

    def step(self):
        self._steps.pop(0)()


@pytest.fixture
def engine():
    engine = Engine()
    engine.start()
    yield engine
    assert engine.stop(5)


def test_all_steps_of_a_task_run_in_order(engine):
    done, finished = [], threading.Event()
    engine.wake(Task(lambda: done.append(1), lambda: done.append(2), finished.set))
    assert finished.wait(5)
    assert done == [1, 2]


def test_the_most_urgent_task_goes_first_and_steps_interleave(engine):
    order, gate, finished = [], threading.Event(), threading.Event()
    engine.wake(Task(lambda: gate.wait(5), deadline=0.0))
    now = time.monotonic()
    late = Task(lambda: order.append("late"), finished.set, deadline=now + 900)
    soon = Task(
        lambda: order.append("soon"), lambda: order.append("soon again"), deadline=now + 200
    )
    engine.wake(late)
    engine.wake(soon)
    gate.set()
    assert finished.wait(5)
    assert order == ["soon", "soon again", "late"]


def test_a_long_background_step_does_not_hold_up_the_realtime_lane(engine):
    gate, finished = threading.Event(), threading.Event()
    engine.wake(Task(lambda: gate.wait(5), lane=Lane.BACKGROUND))
    engine.wake(Task(finished.set))
    assert finished.wait(5)
    gate.set()


def test_threads_of_the_realtime_lane_work_side_by_side_and_each_task_has_its_own():
    engine, both, ran_on = Engine(live_threads=2), threading.Barrier(3), {}

    def work(name):
        ran_on.setdefault(name, set()).add(threading.current_thread().name)
        both.wait(5)  # neither gets past it alone

    engine.start()
    for name in (0, 1):
        steps = [lambda name=name: work(name)] * 3
        engine.wake(Task(*steps, live_thread=name))
    for _ in range(3):
        both.wait(5)
    assert ran_on == {0: {"engine-realtime-0"}, 1: {"engine-realtime-1"}}
    assert engine.stop(5)


@pytest.mark.parametrize("lane", [Lane.CATCH_UP, Lane.BACKGROUND])
def test_the_other_lanes_have_one_thread_whatever_the_tasks_is(lane):
    engine, names, done = Engine(live_threads=3), [], threading.Event()
    engine.start()
    for thread in (2, 0):
        step = [lambda: names.append(threading.current_thread().name)]
        engine.wake(Task(*step, lane=lane, live_thread=thread))
    engine.wake(Task(done.set, lane=lane))
    assert done.wait(5)
    assert names == [f"engine-{lane.value}-0"] * 2
    assert engine.stop(5)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 1), (8, 4), (16, 8)])
def test_live_streams_have_half_of_the_cores_unless_told(monkeypatch, cores, threads):
    monkeypatch.setattr("server.lanes.engine.os.sched_getaffinity", lambda _: set(range(cores)))
    assert default_live_threads() == threads


def test_only_the_background_lane_yields_to_others(engine):
    nice, both = {}, threading.Barrier(4)
    for lane in Lane:
        engine.wake(Task(lambda lane=lane: nice.update({lane: _nice()}), both.wait, lane=lane))
    both.wait(5)
    own = _nice()
    background = max(own, BACKGROUND_NICE)
    assert nice == {Lane.REALTIME: own, Lane.CATCH_UP: own, Lane.BACKGROUND: background}


def _nice():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_task_without_work_is_not_queued(engine):
    engine.wake(Task())
    assert engine.queued_tasks == dict.fromkeys(Lane, 0)


def test_queued_tasks_count_the_running_one():
    engine = Engine()
    engine.wake(Task(lambda: None))
    assert engine.queued_tasks[Lane.REALTIME] == 1


def test_stop_says_when_a_step_does_not_end():
    engine, gate, running = Engine(), threading.Event(), threading.Event()
    engine.start()
    engine.wake(Task(running.set, lambda: gate.wait(5)))
    assert running.wait(5)
    assert engine.stop(0.05) is False
    gate.set()
    assert engine.stop(5) is True


def test_an_engine_that_never_started_stops():
    assert Engine().stop(1) is True


def test_jobs_run_on_the_owners_thread():
    mailbox, ran_on = Mailbox(), []
    poster = threading.Thread(
        target=mailbox.post, args=(lambda: ran_on.append(threading.get_ident()),)
    )
    poster.start()
    poster.join()
    assert ran_on == []
    mailbox.run_all()
    mailbox.run_all()
    assert ran_on == [threading.get_ident()]


def test_a_job_may_post_another():
    mailbox, done = Mailbox(), []
    mailbox.post(lambda: mailbox.post(lambda: done.append(1)))
    mailbox.run_all()
    assert done == []
    mailbox.run_all()
    assert done == [1]


def test_the_mailbox_wakes_a_poll_once_per_burst():
    mailbox = Mailbox()
    poll = select.poll()
    poll.register(mailbox.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    for _ in range(100):
        mailbox.post(lambda: None)
    assert poll.poll(0) != []
    mailbox.run_all()
    assert poll.poll(0) == []
    mailbox.close()
    mailbox.post(lambda: None)
    mailbox.run_all()


def test_many_posters_lose_nothing():
    mailbox, done, stop = Mailbox(), [], threading.Event()

    def own():
        while not stop.is_set() or len(done) < 4000:
            mailbox.run_all()
            time.sleep(0)

    owner = threading.Thread(target=own)
    owner.start()
    posters = [
        threading.Thread(
            target=lambda n=n: [mailbox.post(lambda i=i: done.append((n, i))) for i in range(1000)]
        )
        for n in range(4)
    ]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    stop.set()
    owner.join(10)
    assert not owner.is_alive()
    for n in range(4):
        assert [i for poster, i in done if poster == n] == list(range(1000))


def test_a_step_that_never_ends_does_not_keep_the_process():
    assert all(thread.daemon for thread in Engine(2)._threads)


def test_each_lane_asks_for_a_priority_of_its_own(monkeypatch):
    """Live hops first, then rebuilds; lossless work takes what is left."""
    asked = {}

    def ask(name):
        return lambda *how: asked.setdefault(threading.current_thread().name, (name, *how))

    monkeypatch.setattr("server.lanes.engine.claim_realtime", ask("real time"))
    monkeypatch.setattr("server.lanes.engine.yield_to_others", ask("nice"))
    engine = Engine(live_threads=2)
    engine.start()
    assert engine.stop(5)
    assert asked == {
        "engine-realtime-0": ("real time",),
        "engine-realtime-1": ("real time",),
        "engine-catch-up-0": ("real time", PREPARING_PRIORITY),
        "engine-background-0": ("nice",),
    }
