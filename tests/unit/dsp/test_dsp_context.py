"""The rolling context against a dictionary of everything ever written."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.context import RollingContext
from dsp.errors import SignalError

CAPACITY = 32

writes = st.tuples(st.integers(0, 90), st.integers(0, 40))
steps = st.lists(st.one_of(writes, st.just("fill"), st.integers(0, 60)), max_size=25)


def ramp(start: int, frames: int, mark: float = 0.0) -> np.ndarray:
    """Samples that tell their own position: [2, frames]."""
    line = (np.arange(start, start + frames, dtype=np.float32) + 1.0 + mark) / 16
    return np.stack([line, -line])


class DictionaryContext:
    """The same contract, with no ring: a dictionary from position to sample."""

    def __init__(self) -> None:
        self.lost = self.duplicate = self.stale = 0
        self.seek(0)

    def seek(self, position: int) -> None:
        self.kept: dict[int, float] = {}
        self.origin = self.end = self.newest = position

    @property
    def oldest(self) -> int:
        return max(self.origin, self.newest - CAPACITY)

    def write(self, start: int, line: np.ndarray) -> None:
        if not line.size:
            return
        self.newest = max(self.newest, start + line.size)
        while self.end < self.oldest:
            self.lost += self.end not in self.kept
            self.end += 1
        for position, value in enumerate(line, start):
            if position < self.oldest:
                self.stale += 1
            elif position < self.end or position in self.kept:
                self.duplicate += 1
            else:
                self.kept[position] = float(value)
        self.join()

    def fill(self) -> int:
        before = self.lost
        if self.end < self.newest:
            while self.end not in self.kept:
                self.kept[self.end] = 0.0
                self.end += 1
                self.lost += 1
            self.join()
        return self.lost - before

    def join(self) -> None:
        while self.end in self.kept:
            self.end += 1


@given(steps)
@settings(deadline=None)
def test_any_order_of_writes_fills_and_seeks_matches_the_dictionary(ops) -> None:
    context, oracle = RollingContext(2, CAPACITY), DictionaryContext()
    for mark, op in enumerate(ops):
        if op == "fill":
            assert context.fill_gap() == oracle.fill()
        elif isinstance(op, int):
            context.seek(op)
            oracle.seek(op)
        else:
            samples = ramp(*op, mark=mark / 64)
            context.write(op[0], samples)
            oracle.write(op[0], samples[0])
        assert (context.oldest, context.contiguous_end) == (oracle.oldest, oracle.end)
        assert context.lost_samples == oracle.lost
        assert context.duplicate_samples == oracle.duplicate
        assert context.stale_samples == oracle.stale
        kept = context.read(context.oldest, context.contiguous_end - context.oldest)
        expected = [oracle.kept[position] for position in range(oracle.oldest, oracle.end)]
        assert kept[0].tolist() == expected
        assert kept[1].tolist() == [-value for value in expected]


def test_the_ring_never_grows() -> None:
    context = RollingContext(1, 64)
    ring = context._ring
    for position in range(0, 6400, 16):
        context.write(position, np.ones((1, 16), np.float32))
    assert context._ring is ring
    assert not context._islands


@pytest.mark.parametrize("position", [0, CAPACITY - 5])
def test_bad_samples_are_repaired_and_counted_where_they_are_kept(position) -> None:
    context = RollingContext(2, CAPACITY, position)
    bad = ramp(0, 10)
    bad[:, [2, 7]] = np.nan
    bad[1, 4] = 1e9
    context.write(position, bad)
    context.write(position, bad)  # a duplicate: ignored, with all that is wrong with it
    kept = context.read(position, 10)
    assert context.repaired_samples == 5
    assert not kept[:, [2, 7]].any()
    assert kept[1, 4] == 16.0
    assert np.array_equal(kept[0, 3:7], ramp(3, 4)[0])


def test_what_was_read_is_a_copy() -> None:
    context = RollingContext(2, CAPACITY)
    context.write(0, ramp(0, 8))
    kept = context.read(0, 8)
    context.write(8, ramp(8, CAPACITY))
    assert np.array_equal(kept, ramp(0, 8))


@pytest.mark.parametrize(("position", "frames"), [(-1, 2), (0, 9), (8, 1), (0, -1)])
def test_reading_outside_what_is_kept_is_refused(position, frames) -> None:
    context = RollingContext(2, CAPACITY)
    context.write(0, ramp(0, 8))
    with pytest.raises(SignalError, match=r"0 \.\.\. 8 is kept"):
        context.read(position, frames)


def test_reading_what_has_been_overwritten_is_refused() -> None:
    context = RollingContext(2, CAPACITY)
    context.write(0, ramp(0, CAPACITY + 1))
    context.read(1, CAPACITY)
    with pytest.raises(SignalError, match=r"1 \.\.\. 33 is kept"):
        context.read(0, 1)


@pytest.mark.parametrize("samples", [np.zeros((1, 4), np.float32), np.zeros(4, np.float32)])
def test_another_channel_count_is_refused(samples) -> None:
    with pytest.raises(SignalError, match=r"\[2, n\] expected"):
        RollingContext(2, CAPACITY).write(0, samples)


@pytest.mark.parametrize(("channels", "capacity"), [(0, 1), (1, 0)])
def test_an_empty_context_is_refused(channels, capacity) -> None:
    with pytest.raises(SignalError, match="at least 1 x 1"):
        RollingContext(channels, capacity)


def test_what_a_context_held_goes_back_to_the_system():
    """Else a server that has had many streams holds the memory of all of them."""
    np.zeros(30 << 20, np.uint8)  # freed: from now on glibc's heap takes blocks of that size
    contexts = [RollingContext(2, 1 << 20) for _ in range(12)]
    for context in contexts:
        context.write(0, np.ones((2, 1 << 20), np.float32))
    full = psutil.Process().memory_info().rss
    del contexts[:-1], context  # the last one lies above the others
    freed = full - psutil.Process().memory_info().rss
    assert freed >= (11 * 8 << 20) - (1 << 20)
