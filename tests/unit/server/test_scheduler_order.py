"""A key that is queued again: the earlier of its deadlines counts, and its turn with it."""

import pytest

from server.lanes.scheduler import DeadlineQueue


def drained(queue):
    order = []
    while (key := queue.pop()) is not None:
        order.append(key)
    return order


@pytest.mark.parametrize(
    ("again", "order"), [(2.0, ["a", "b"]), (8.0, ["b", "a"]), (20.0, ["b", "a"])]
)
def test_an_earlier_deadline_replaces_a_later_one(again, order):
    queue = DeadlineQueue()
    queue.put("a", 10.0)
    queue.put("b", 5.0)
    queue.put("a", again)
    assert len(queue) == 2
    assert drained(queue) == order


def test_a_later_deadline_changes_nothing():
    queue = DeadlineQueue()
    queue.put("a", 0.5)
    queue.put("b", 0.7)
    queue.put("a", 0.9)
    assert drained(queue) == ["a", "b"]


def test_the_same_deadline_keeps_the_turn():
    queue = DeadlineQueue()
    for key in ("a", "b", "a"):
        queue.put(key, 1.0)
    assert drained(queue) == ["a", "b"]


def test_what_was_discarded_or_taken_leaves_nothing_behind():
    queue = DeadlineQueue()
    queue.put("a", 1.0)
    queue.put("a", 0.5)
    assert queue.pop() == "a"
    queue.put("a", 3.0)
    queue.put("b", 2.0)
    queue.discard("b")
    assert drained(queue) == ["a"]
    assert len(queue) == 0
