"""Laws of the earliest-deadline-first queue."""

from hypothesis import given
from hypothesis import strategies as st

from server.lanes.scheduler import DeadlineQueue

KEYS = st.integers(0, 5)
DEADLINES = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, DEADLINES),
        st.tuples(st.just("discard"), KEYS, st.just(0.0)),
        st.tuples(st.just("pop"), st.just(0), st.just(0.0)),
    ),
    max_size=60,
)


class _Model:
    """The same queue, slow and obvious: a list of (deadline, arrival, key)."""

    def __init__(self):
        self.entries = []
        self.arrivals = 0

    def put(self, key, deadline):
        present = [entry for entry in self.entries if entry[2] == key]
        if present and present[0][0] <= deadline:
            return
        self.discard(key)
        self.arrivals += 1
        self.entries.append((deadline, self.arrivals, key))

    def discard(self, key):
        self.entries = [entry for entry in self.entries if entry[2] != key]

    def pop(self):
        if not self.entries:
            return None
        earliest = min(self.entries)
        self.entries.remove(earliest)
        return earliest[2]


@given(operations=OPERATIONS)
def test_queue_behaves_like_a_sorted_list(operations):
    queue, model = DeadlineQueue(), _Model()
    for name, key, deadline in operations:
        if name == "put":
            queue.put(key, deadline)
            model.put(key, deadline)
        elif name == "discard":
            queue.discard(key)
            model.discard(key)
        else:
            assert queue.pop() == model.pop()
        assert len(queue) == len(model.entries)
    while model.entries:
        assert queue.pop() == model.pop()
    assert queue.pop() is None


@given(deadlines=st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_keys_come_out_in_order_of_their_deadlines(deadlines):
    queue = DeadlineQueue()
    for key, deadline in enumerate(deadlines):
        queue.put(key, deadline)
    order = [queue.pop() for _ in deadlines]
    assert [deadlines[key] for key in order] == sorted(deadlines)


def test_equal_deadlines_come_out_in_order_of_arrival():
    queue = DeadlineQueue()
    for key in "cab":
        queue.put(key, 1.0)
    assert [queue.pop() for _ in range(3)] == ["c", "a", "b"]


def test_a_key_with_a_later_deadline_is_not_starved():
    """The lossless stream's turn comes although a live one always has work."""
    queue = DeadlineQueue()
    queue.put("lossless", 1.0)
    turns = []
    for tick in range(100):
        queue.put("live", tick * 0.1)
        turns.append(queue.pop())
    assert "lossless" in turns


def test_membership_follows_put_pop_and_discard():
    queue = DeadlineQueue()
    queue.put("a", 1.0)
    assert "a" in queue
    queue.discard("a")
    assert "a" not in queue
    assert queue.pop() is None


RANKED = st.dictionaries(st.integers(0, 9), st.tuples(DEADLINES, st.integers(0, 9)), min_size=1)


@given(waiting=RANKED, now=DEADLINES)
def test_once_a_deadline_is_missed_the_lowest_rank_goes_first(waiting, now):
    queue = DeadlineQueue()
    for key, (deadline, rank) in waiting.items():
        queue.put(key, deadline, rank)
    earliest = min(deadline for deadline, _ in waiting.values())
    deadline, rank = waiting[queue.pop(now)]
    if earliest < now:
        assert rank == min(rank for _, rank in waiting.values())
    else:
        assert deadline == earliest


def test_a_key_taken_for_its_rank_leaves_the_others_in_order():
    queue = DeadlineQueue()
    for rank, key in enumerate("abc"):
        queue.put(key, 3.0 - rank, rank)
    assert queue.pop(now=9.0) == "a"
    assert [queue.pop() for _ in range(3)] == ["c", "b", None]
