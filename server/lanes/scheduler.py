"""Whose work is next, and how much work there may be: earliest deadline first, without preemption.

Pure bookkeeping, no thread and no clock. Times are seconds on any one monotonic clock. References:
Liu & Layland, 1973, section 7; Jeffay, Stanat & Martel, 1991 (demand in a window, with the one
longer job that has just begun); ITU-T I.371, annex A (the pace of a source, with its tolerance).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)

MAXIMUM_WINDOWS = 500  # looked at for one answer: a millisecond's work


class _Place(NamedTuple):
    deadline: float
    arrival: int
    rank: int


class DeadlineQueue(Generic[Key]):
    """Each key at most once, ordered by deadline; equal deadlines in order of arrival.

    A task without a tight deadline (a lossless stream) has a late one, not a lower class, so
    nothing starves. With deadlines that cannot all be kept, that order would make everybody late
    in turn: there the lowest rank goes first, and the highest bears it alone.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._valid: dict[Key, _Place] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._valid)

    def __contains__(self, key: Key) -> bool:
        return key in self._valid

    def put(self, key: Key, deadline: float, rank: int = 0) -> None:
        """Queue the key; one that is queued already keeps the earlier of its deadlines."""
        current = self._valid.get(key)
        if current is not None and current.deadline <= deadline:
            return
        self._arrivals += 1
        self._valid[key] = _Place(deadline, self._arrivals, rank)
        heapq.heappush(self._heap, (deadline, self._arrivals, key))

    def pop(self, now: float = -math.inf) -> Key | None:
        """Take the key whose deadline is earliest; None when nothing is queued.

        If that deadline lies before ``now``, take the key of the lowest rank instead.
        """
        key = self._most_urgent()
        if key is None:
            return None
        if self._valid[key].deadline < now:
            key = min(self._valid, key=self._by_rank)
        del self._valid[key]
        return key

    def discard(self, key: Key) -> None:
        """Forget the key, queued or not."""
        self._valid.pop(key, None)

    def _most_urgent(self) -> Key | None:
        while self._heap:
            deadline, arrival, key = self._heap[0]
            place = self._valid.get(key)
            if place is not None and place.arrival == arrival and place.deadline == deadline:
                return key
            heapq.heappop(self._heap)
        return None

    def _by_rank(self, key: Key) -> tuple[int, float, int]:
        place = self._valid[key]
        return place.rank, place.deadline, place.arrival


@dataclass(frozen=True, slots=True)
class HopJob:
    """One stream's work: a hop every ``period_s``, to be done within ``deadline_s``.

    Hops cost ``mean_s`` in the long run, single ones ``p95_s``.
    """

    period_s: float
    deadline_s: float
    mean_s: float
    p95_s: float

    @property
    def share(self) -> float:
        """Share of one core."""
        return self.mean_s / self.period_s

    def demand_s(self, window_s: float) -> float:
        """Return the most that is due within any window of that length."""
        hops = math.floor((window_s - self.deadline_s) / self.period_s + 1e-9) + 1
        return hops * self.mean_s + self.p95_s - self.mean_s if hops > 0 else 0.0


def keeps_deadlines(jobs: Sequence[HopJob]) -> bool:
    """Whether every hop of all jobs is in time on one core, whenever they come.

    In no window may more be due than fits, with the longest hop just begun that is due later. What
    would take long to find out is answered with no.
    """
    if not jobs:
        return True
    idle = 1.0 - sum(job.share for job in jobs)
    if idle <= 0:
        return False
    excess = sum(job.p95_s + job.share * max(0.0, job.period_s - job.deadline_s) for job in jobs)
    horizon_s = (excess + max(job.p95_s for job in jobs)) / idle
    windows = _windows(jobs, horizon_s)
    return len(windows) <= MAXIMUM_WINDOWS and all(
        _due_s(jobs, window_s) <= window_s + 1e-9 for window_s in windows
    )


def _due_s(jobs: Sequence[HopJob], window_s: float) -> float:
    begun_s = max((job.p95_s for job in jobs if job.deadline_s > window_s), default=0.0)
    return sum(job.demand_s(window_s) for job in jobs) + begun_s


def _windows(jobs: Sequence[HopJob], horizon_s: float) -> set[float]:
    """Lengths at which demand grows, up to where it can no longer catch up with time."""
    windows: set[float] = set()
    for deadline_s, period_s in {(job.deadline_s, job.period_s) for job in jobs}:
        count = 1 + max(0, math.ceil((horizon_s - deadline_s) / period_s))
        windows |= {deadline_s + i * period_s for i in range(min(count, MAXIMUM_WINDOWS + 1))}
    return windows


class Pace:
    """When a live stream's blocks count as come: no faster than they last.

    A burst of up to ``burst_s`` counts at once, as from a host that cuts a long period into blocks.
    What a client sends ahead of time is thus not wanted before its time, and hurries nobody.
    """

    def __init__(self, burst_s: float) -> None:
        self._burst_s = burst_s
        self._expected = -math.inf  # of the next block

    def release(self, now: float, duration_s: float) -> float:
        """Return when a block that came now, and lasts so long, counts as come."""
        released = max(now, self._expected - self._burst_s)
        self._expected = max(now, self._expected) + duration_s
        return released
