"""Whose work is next: earliest deadline first (Liu & Layland, 1973, section 7).

Pure bookkeeping, no thread and no clock. Deadlines are seconds on any one monotonic clock. A task
without a tight deadline (a lossless stream) has a late one, not a lower class, so nothing starves.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class DeadlineQueue(Generic[Key]):
    """Each key at most once, ordered by deadline; equal deadlines in order of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._valid: dict[Key, tuple[float, int]] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._valid)

    def __contains__(self, key: Key) -> bool:
        return key in self._valid

    def put(self, key: Key, deadline: float) -> None:
        """Queue the key; one that is queued already keeps the earlier of its deadlines."""
        current = self._valid.get(key)
        if current is not None and current[0] <= deadline:
            return
        self._arrivals += 1
        self._valid[key] = (deadline, self._arrivals)
        heapq.heappush(self._heap, (deadline, self._arrivals, key))

    def pop(self) -> Key | None:
        """Take the key whose deadline is earliest; None when nothing is queued."""
        while self._heap:
            deadline, arrival, key = heapq.heappop(self._heap)
            if self._valid.get(key) == (deadline, arrival):
                del self._valid[key]
                return key
        return None

    def discard(self, key: Key) -> None:
        """Forget the key, queued or not."""
        self._valid.pop(key, None)
