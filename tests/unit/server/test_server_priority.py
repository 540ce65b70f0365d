"""Live threads ask for real-time priority, background threads step back, alone and if allowed."""

import os
import threading
import time
from pathlib import Path

import pytest
import zmq

from server.lanes.priority import (
    BACKGROUND_NICE,
    PREPARING_PRIORITY,
    REALTIME_PRIORITY,
    claim_realtime,
    claim_realtime_for_sockets,
    socket_threads,
    yield_to_others,
)


def in_a_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def claimed():
    granted = claim_realtime()
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    return granted, policy, os.sched_getparam(0).sched_priority


def test_only_the_thread_that_asks_becomes_real_time():
    before = os.sched_getscheduler(0)
    granted, policy, priority = in_a_thread(claimed)
    if not granted:
        pytest.skip("real-time priority is not granted to this user: needs root or an rtprio limit")
    assert (policy, priority) == (os.SCHED_RR, REALTIME_PRIORITY)
    assert os.sched_getscheduler(0) == before


def test_a_system_that_refuses_is_told_apart_and_changes_nothing(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    granted, policy, _ = in_a_thread(claimed)
    assert not granted
    assert policy == os.SCHED_OTHER


def test_a_background_thread_steps_back_alone():
    def nice():
        yield_to_others()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert in_a_thread(nice) == max(own, BACKGROUND_NICE)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def socket_policies():
    """Return policy and priority of ZeroMQ's own threads."""
    return {
        (
            os.sched_getscheduler(number) & ~os.SCHED_RESET_ON_FORK,
            os.sched_getparam(number).sched_priority,
        )
        for number in socket_threads()
    }


def test_a_thread_that_ends_meanwhile_is_passed_over(monkeypatch):
    """Threads come and go while they are listed."""
    gone = Path("/proc/self/task/0")  # no thread has this number
    everybody = list(Path("/proc/self/task").iterdir())
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([gone, *everybody]))
    with zmq.Context() as context, context.socket(zmq.DEALER):
        assert 0 not in socket_threads()


def test_zeromqs_own_threads_become_real_time_and_others_do_not():
    before = os.sched_getscheduler(0)
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.bind("tcp://127.0.0.1:*")
        deadline = time.monotonic() + 10
        while not socket_policies() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not claim_realtime_for_sockets():
            pytest.skip("real-time priority is not granted: needs root or an rtprio limit")
        assert socket_policies() == {(os.SCHED_RR, REALTIME_PRIORITY)}
    assert os.sched_getscheduler(0) == before


def test_a_system_that_refuses_leaves_zeromqs_threads_as_they_are(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert claim_realtime_for_sockets() is False


def test_what_prepares_live_work_comes_right_behind_it():
    assert PREPARING_PRIORITY == REALTIME_PRIORITY - 1
    granted = in_a_thread(lambda: claim_realtime(PREPARING_PRIORITY) and os.sched_getparam(0))
    if not granted:
        pytest.skip("real-time priority is not granted to this user: needs root or an rtprio limit")
    assert granted.sched_priority == PREPARING_PRIORITY
