"""Threads that ask at the same time take part in one pass, and each gets what it asked for."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.shared_passes import SharedPasses

TIMEOUT_S = 20


class Passes:
    """Passes that are held until released, with what each was asked."""

    def __init__(self):
        self.seen, self.began, self.release = [], threading.Event(), threading.Event()
        self.passes = SharedPasses(self._run)

    def _run(self, asked):
        self.seen.append(list(asked))
        self.began.set()
        assert self.release.wait(TIMEOUT_S)

    def waiting(self):
        return len(self.passes._waiting)


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def until(condition):
    done = threading.Event()
    for _ in range(100 * TIMEOUT_S):
        if condition():
            return
        done.wait(0.01)
    pytest.fail("it never came so far")


def test_who_is_alone_waits_for_nobody():
    passes = Passes()
    passes.release.set()
    for asked in "abc":
        passes.passes.take_part(asked)
    assert passes.seen == [["a"], ["b"], ["c"]]


def test_what_is_asked_during_a_pass_is_one_pass_afterwards():
    held = Passes()
    threads = [in_thread(held.passes.take_part, "first")]
    assert held.began.wait(TIMEOUT_S)
    threads += [in_thread(held.passes.take_part, name) for name in "abc"]
    until(lambda: held.waiting() == 3)
    held.release.set()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert [sorted(asked) for asked in held.seen] == [["first"], ["a", "b", "c"]]


def test_what_a_pass_raises_is_raised_for_all_of_it_and_for_nobody_else():
    held, raised = Passes(), []

    def run(asked):
        held._run(asked)
        if "bad" in asked:
            raise ArithmeticError("a pass failed")

    held.passes._run = run

    def take_part(name):
        try:
            held.passes.take_part(name)
        except ArithmeticError:
            raised.append(name)

    threads = [in_thread(take_part, "first")]
    assert held.began.wait(TIMEOUT_S)
    threads += [in_thread(take_part, name) for name in ("bad", "beside")]
    until(lambda: held.waiting() == 2)
    held.release.set()
    for thread in threads:
        thread.join(TIMEOUT_S)
    take_part("next")
    assert sorted(raised) == ["bad", "beside"]
    assert held.seen[-1] == ["next"]


def test_no_pass_runs_while_they_are_held_off():
    passes = Passes()
    passes.release.set()
    with passes.passes.between():
        thread = in_thread(passes.passes.take_part, "a")
        until(lambda: passes.waiting() == 1)
        assert not passes.seen
    thread.join(TIMEOUT_S)
    assert passes.seen == [["a"]]


@settings(deadline=None, max_examples=20)
@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_everything_asked_is_done_once_and_in_each_threads_order(counts):
    done = []
    passes = SharedPasses(done.extend)

    def ask(thread, count):
        for index in range(count):
            passes.take_part((thread, index))

    threads = [in_thread(ask, *each) for each in enumerate(counts)]
    for thread in threads:
        thread.join(TIMEOUT_S)
    for thread, count in enumerate(counts):
        assert [index for who, index in done if who == thread] == list(range(count))
