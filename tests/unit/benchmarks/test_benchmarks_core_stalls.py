"""Witnesses say when a core stood still, and soak tells which late blocks that explains."""

import json
import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import core_stalls
from benchmarks.core_stalls import LEAST_STALL_S, Stall, Witnesses, beside_stalls

MOMENTS = st.floats(0, 100)


def witnesses(*stalls):
    made = Witnesses()
    made.stalls += stalls
    return made


@given(until=MOMENTS, length=st.floats(0.005, 5), start=MOMENTS, span=st.floats(0.01, 10))
def test_a_core_was_still_where_a_stall_and_the_span_meet(until, length, start, span):
    overlap = min(until, start + span) - max(until - length, start)
    assert witnesses(Stall(0, until, length)).were_still(start, start + span) == (overlap > 0)


def test_nothing_seen_means_nothing_stood_still():
    assert not witnesses().were_still(0.0, 1e9)


def line(moment, late):
    return {"moment": moment, "late_blocks": late, "blocks": 172}


def test_late_blocks_are_explained_by_a_stall_of_their_own_second_only():
    lines = [{"ready": True}, line(1.0, 0), line(2.0, 3), line(3.0, 3), line(4.0, 8)]
    figures = beside_stalls(lines, witnesses(Stall(1, 1.5, 0.03), Stall(0, 2.5, 0.02)))
    assert figures == {
        "machine_stalls": 2,
        "machine_stall_max_ms": pytest.approx(30.0),
        "late_blocks_without_stall": 5,
    }


def test_without_stalls_every_late_block_is_ours():
    figures = beside_stalls([line(1.0, 0), line(2.0, 7)], witnesses())
    assert figures["late_blocks_without_stall"] == 7
    assert figures["machine_stall_max_ms"] == 0.0


def overslept(monkeypatch, naps_s):
    """Run the watch with a clock of our own; it ends when the naps do."""
    now = [0.0]
    naps = iter(naps_s)

    class NoMoreNapsError(Exception):
        pass

    def sleep(_):
        nap = next(naps, None)
        if nap is None:
            raise NoMoreNapsError
        now[0] += nap

    monkeypatch.setattr(core_stalls.time, "sleep", sleep)
    monkeypatch.setattr(core_stalls.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(core_stalls.os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(core_stalls.os, "sched_setscheduler", lambda *_: None)
    monkeypatch.setattr(core_stalls.gc, "disable", lambda: None)
    with pytest.raises(NoMoreNapsError):
        core_stalls.watch(3)


def test_a_long_nap_is_told_and_a_short_one_is_not(monkeypatch, capsys):
    overslept(monkeypatch, [0.001, 0.001 + 0.9 * LEAST_STALL_S, 0.040, 0.001])
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert told["core"] == 3
    assert told["seconds"] == pytest.approx(0.039)
    assert told["until_s"] == pytest.approx(0.042 + 0.9 * LEAST_STALL_S)


def test_without_its_priority_a_witness_says_nothing(monkeypatch, capsys):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(core_stalls.os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(core_stalls.os, "sched_setscheduler", refused)
    core_stalls.main(["0"])
    assert not capsys.readouterr().out


def test_every_core_has_a_witness_while_watched_and_none_afterwards():
    threads = threading.active_count()
    made = Witnesses()
    with made.watching():
        time.sleep(0.1)
        assert threading.active_count() == threads + len(os.sched_getaffinity(0))
    assert threading.active_count() == threads
