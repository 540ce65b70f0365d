"""Live threads ask for real-time priority, background threads step back, alone and if allowed."""

import os
import threading

import pytest

from server.priority import BACKGROUND_NICE, REALTIME_PRIORITY, claim_realtime, yield_to_others


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
