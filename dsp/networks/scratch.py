"""Room for what a step gathers, multiplies and forgets: each thread's own, whatever stream it runs.

Of its own, every stream would have megabytes of it, and find them out of the caches at each turn.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.rows import Rows

if TYPE_CHECKING:
    from dsp.separator import FloatArray


class _Room(threading.local):
    """One thread's: it grows to the largest rows asked for."""

    def __init__(self) -> None:
        self._values = np.empty(0, np.float32)
        self._rows: dict[tuple[int, int], tuple[FloatArray, Rows]] = {}

    def rows(self, count: int, columns: int) -> tuple[FloatArray, Rows]:
        size = count * columns
        if size > self._values.size:
            self._values = np.empty(size, np.float32)
            self._rows = {}
        if (count, columns) not in self._rows:
            rows: FloatArray = self._values[:size].reshape(count, columns)
            self._rows[count, columns] = rows, Rows.of(rows)
        return self._rows[count, columns]


_ROOM = _Room()


def scratch_rows(count: int, columns: int) -> tuple[FloatArray, Rows]:
    """Return [count, columns] to be written, and the same memory to be multiplied.

    Holds anything, and keeps what is written until this thread asks for rows again.
    """
    return _ROOM.rows(count, columns)
