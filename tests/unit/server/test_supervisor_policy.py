"""When an engine is started again: at once, then after growing pauses, then no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.supervision.policy import FIRST_PAUSE_S, MAXIMUM_PAUSE_S, RestartPolicy


def pauses(policy, count, sound_s=0.0):
    return [policy.next_pause_s(sound_s) for _ in range(count)]


def test_the_first_restart_waits_for_nothing_and_pauses_double_up_to_a_bound():
    assert pauses(RestartPolicy(restarts=9, stable_s=10), 9) == [
        *(0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
        *(MAXIMUM_PAUSE_S,) * 3,
    ]


@pytest.mark.parametrize("restarts", [0, 1, 5])
def test_there_are_as_many_restarts_in_a_row_as_allowed_and_no_more(restarts):
    made = pauses(RestartPolicy(restarts=restarts, stable_s=10), restarts + 3)
    assert [pause is None for pause in made] == [False] * restarts + [True] * 3


def test_one_that_was_sound_long_enough_starts_a_new_row():
    policy = RestartPolicy(restarts=2, stable_s=10)
    assert pauses(policy, 2, sound_s=9.9) == [0.0, FIRST_PAUSE_S]
    assert pauses(policy, 50, sound_s=10.0) == [0.0] * 50
    assert policy.failures == 1


@given(sound=st.lists(st.floats(0, 20), max_size=60), restarts=st.integers(0, 8))
def test_it_never_goes_on_beyond_the_limit_nor_waits_beyond_the_bound(sound, restarts):
    policy, row = RestartPolicy(restarts=restarts, stable_s=10), 0
    for seconds in sound:
        row = 1 if seconds >= 10 else row + 1
        pause = policy.next_pause_s(seconds)
        assert (pause is None) == (row > restarts)
        assert pause is None or 0 <= pause <= MAXIMUM_PAUSE_S


def test_very_many_failures_do_not_overflow():
    policy = RestartPolicy(restarts=10**6, stable_s=10)
    assert pauses(policy, 3000)[-1] == MAXIMUM_PAUSE_S
