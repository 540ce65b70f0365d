"""What an engine says, judged by turns: no clock, no process."""

import pytest

from server.supervision.watch import RESTING_S, START_TIMEOUT_S, TICK_S, EngineWatch

READY = '{"ready": true, "endpoint": "ipc:///a/b", "pid": 7}'
HANG_TICKS, LEAVE_TICKS = 6, 18


@pytest.fixture
def watch():
    return EngineWatch(hang_s=0.6, leave_s=1.8)


def ticks(watch, count):
    for _ in range(count):
        watch.tick()


def test_the_ready_line_is_kept(watch):
    watch.hear(READY)
    assert watch.ready == {"ready": True, "endpoint": "ipc:///a/b", "pid": 7}
    assert watch.trouble == ""


def test_a_ready_engine_may_be_silent_for_less_than_the_limit(watch):
    watch.hear(READY)
    for _ in range(20):
        ticks(watch, HANG_TICKS - 1)
        assert watch.trouble == ""
        watch.hear("alive")


def test_silence_up_to_the_limit_is_a_hang(watch):
    watch.hear(READY)
    ticks(watch, HANG_TICKS)
    assert watch.trouble == "hung (silent)"


@pytest.mark.parametrize("name", ["realtime lane", "I/O thread"])
def test_what_the_engine_finds_stuck_is_a_hang_at_once(watch, name):
    watch.hear(READY)
    watch.hear(f"stuck {name}")
    assert watch.trouble == f"hung ({name})"


def test_a_start_may_take_long_but_not_for_ever(watch):
    ticks(watch, round(START_TIMEOUT_S / TICK_S) - 1)
    assert watch.trouble == ""
    watch.tick()
    assert watch.trouble == "did not become ready"


def test_one_that_leaves_has_the_time_for_what_is_queued(watch):
    watch.hear(READY)
    watch.hear("leaving")
    watch.hear("stuck realtime lane")  # its lanes have ended
    ticks(watch, LEAVE_TICKS - 1)
    assert watch.trouble == ""
    watch.tick()
    assert watch.trouble == "hung (silent)"
    assert watch.is_leaving


def test_what_is_none_of_ours_counts_as_life_and_nothing_else(watch):
    watch.hear(READY)
    for line in ("", "warning: something", "stuckness", "alive?"):
        ticks(watch, HANG_TICKS - 1)
        watch.hear(line)
    assert (watch.trouble, watch.is_leaving) == ("", False)


def test_one_that_rests_is_listened_to_for_longer_but_once(watch):
    watch.hear(READY)
    for _ in range(3):
        watch.hear("resting")
        assert watch.turn_s > RESTING_S  # its next line comes within the turn
    watch.tick()
    assert (watch.turn_s, watch.trouble) == (TICK_S, "")
    ticks(watch, HANG_TICKS - 1)
    assert watch.trouble == "hung (silent)"


def test_one_that_is_back_at_work_is_expected_to_speak_soon(watch):
    watch.hear(READY)
    watch.hear("resting")
    watch.hear("alive")
    assert watch.turn_s == TICK_S
