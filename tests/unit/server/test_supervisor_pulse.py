"""The engine's pulse: who answers lives, who computes has patience, who stands still is stuck."""

import threading
import time

import pytest

from dsp.separator import Lane
from server.lanes.engine import Engine
from server.supervision.pulse import LaneProbe, Pulse
from server.supervision.watch import RESTING_S, TICK_S
from server.transport.mailbox import Mailbox

HANG_TICKS, SPIN_TICKS = 6, 50
SPIN_S = 4.95  # used up in the last of as many turns of 0.1 s


class Thread:
    """A thread of a fake clock: answers, stands still or computes."""

    def __init__(self):
        self.pending = []
        self.processor_s = 0.0

    def ask(self, answer):
        self.pending.append(answer)

    def answer(self):
        for answer in self.pending:
            answer()
        self.pending.clear()


@pytest.fixture
def thread(monkeypatch):
    thread = Thread()
    monkeypatch.setattr(time, "pthread_getcpuclockid", lambda _ident: 77)
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: thread.processor_s)
    return thread


@pytest.fixture
def said():
    return []


@pytest.fixture
def pulse(thread, said):
    pulse = Pulse({"lane": thread.ask}, said.append, hang_s=0.6, spin_s=SPIN_S)
    pulse.beat()
    thread.answer()  # known from now on
    pulse.beat()
    said.clear()
    return pulse


def test_a_thread_that_answers_is_alive_for_ever(pulse, thread, said):
    for _ in range(200):
        thread.answer()
        assert pulse.beat()
    assert set(said) == {"alive"}


def test_a_thread_that_stands_still_is_stuck_after_the_limit(pulse, said):
    beats = [pulse.beat() for _ in range(HANG_TICKS)]
    assert beats == [True] * (HANG_TICKS - 1) + [False]
    assert said[-1] == "stuck lane"


def test_a_thread_that_computes_is_given_more_time_but_not_for_ever(pulse, thread, said):
    for _ in range(SPIN_TICKS - 1):
        thread.processor_s += 0.1
        assert pulse.beat()
    thread.processor_s += 0.1
    assert not pulse.beat()
    assert said[-1] == "stuck lane"


def test_a_thread_that_waits_for_a_processor_has_not_spun(pulse, thread):
    for _ in range(10 * SPIN_TICKS):
        thread.processor_s += 0.004
        assert pulse.beat()


def test_a_long_step_that_ends_is_forgiven_whole(pulse, thread):
    for _ in range(5):
        for _ in range(SPIN_TICKS - 2):
            thread.processor_s += 0.1
            assert pulse.beat()
        thread.answer()
        assert pulse.beat()


def test_a_pause_in_computing_must_be_as_long_as_the_limit_without_a_break(pulse, thread):
    for _ in range(8):
        for _ in range(HANG_TICKS - 1):
            assert pulse.beat()
        thread.processor_s += 0.01
        assert pulse.beat()


def test_a_thread_that_never_answered_at_all_is_stuck():
    said = []
    pulse = Pulse({"lane": lambda _answer: None}, said.append, hang_s=0.6, spin_s=SPIN_S)
    assert [pulse.beat() for _ in range(HANG_TICKS + 1)] == [True] * HANG_TICKS + [False]


def test_a_thread_that_has_ended_is_stuck(pulse, monkeypatch):
    def gone(_clock):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(time, "clock_gettime", gone)
    assert not all(pulse.beat() for _ in range(HANG_TICKS + 1))


def test_of_several_the_stuck_one_is_named(thread, said):
    def answer_at_once(answer):
        answer()

    pulse = Pulse({"a": answer_at_once, "b": thread.ask}, said.append, hang_s=0.6, spin_s=SPIN_S)
    while pulse.beat():
        pass
    assert said[-1] == "stuck b"


@pytest.fixture
def slept(monkeypatch):
    """How long each turn of a started pulse was; it takes no time."""
    turns = []
    monkeypatch.setattr(time, "sleep", turns.append)
    return turns


def test_a_pulse_that_nobody_needs_rests_until_somebody_does(thread, said, slept):
    def is_needed():
        thread.answer()
        return len(said) in {3, 4}

    pulse = Pulse({"lane": thread.ask}, said.append, hang_s=0.6, spin_s=SPIN_S, is_needed=is_needed)
    pulse.beat = lambda: len(said) < 6 and Pulse.beat(pulse)
    pulse._run()
    assert said == ["resting"] * 3 + ["alive"] * 2 + ["resting"]
    assert slept == [RESTING_S] * 3 + [TICK_S] * 2 + [RESTING_S]


def test_a_pulse_that_misses_an_answer_rests_no_longer(thread, said, slept):
    pulse = Pulse(
        {"lane": thread.ask}, said.append, hang_s=0.6, spin_s=SPIN_S, is_needed=lambda: False
    )
    pulse._run()
    assert said == ["resting", *["alive"] * (HANG_TICKS - 1), "stuck lane"]
    assert slept == [RESTING_S, *[TICK_S] * (HANG_TICKS - 1)]


@pytest.fixture
def engine():
    engine = Engine()
    engine.start()
    yield engine
    engine.stop(1)


class Hold:
    """A task of the realtime lane that keeps it until released; asked for once."""

    lane = Lane.REALTIME
    rank = 0
    live_thread = 0

    def __init__(self):
        self.began, self.release, self.is_due = threading.Event(), threading.Event(), True

    def next_deadline(self):
        return 0.0 if self.is_due else None

    def step(self):
        self.is_due = False
        self.began.set()
        self.release.wait(10)


def test_a_real_lane_answers_unless_it_is_held(engine):
    probe, hold, answered = LaneProbe(engine.wake), Hold(), threading.Event()
    probe.ask(answered.set)
    assert answered.wait(5)
    engine.wake(hold)
    assert hold.began.wait(5)
    answered.clear()
    probe.ask(answered.set)
    assert not answered.wait(0.05)
    hold.release.set()
    assert answered.wait(5)


def test_the_probe_leaves_no_work_behind(engine):
    probe, answered = LaneProbe(engine.wake), threading.Event()
    probe.ask(answered.set)
    assert answered.wait(5)
    assert probe.next_deadline() is None
    for _ in range(500):
        if not any(engine.queued_tasks.values()):
            return
        time.sleep(0.01)
    pytest.fail("the lane still has the probe")


def test_a_mailbox_answers_where_it_is_run():
    mailbox, answered = Mailbox(), []
    mailbox.post(lambda: answered.append(threading.get_ident()))
    mailbox.run_all()
    assert answered == [threading.get_ident()]
    mailbox.close()


def test_a_started_pulse_beats_and_ends_when_something_is_stuck(said):
    pulse = Pulse({"lane": lambda _answer: None}, said.append, hang_s=0.1, spin_s=1.0)
    pulse.start()
    pulse._thread.join(10)
    assert not pulse._thread.is_alive()
    assert said[0] == "alive"
    assert said[-1] == "stuck lane"
