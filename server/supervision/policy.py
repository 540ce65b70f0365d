"""When a dead engine is started again: at once, then after growing pauses, then no more."""

from __future__ import annotations

FIRST_PAUSE_S = 0.25  # before the second restart in a row; the first one waits for nothing
MAXIMUM_PAUSE_S = 5.0


class RestartPolicy:
    """Counts failures in a row; an engine that was sound for ``stable_s`` starts a new row.

    Pure bookkeeping: no clock, no process.
    """

    def __init__(self, *, restarts: int, stable_s: float) -> None:
        self._restarts = restarts
        self._stable_s = stable_s
        self.failures = 0  # in a row

    def next_pause_s(self, sound_s: float) -> float | None:
        """Return how long to wait after an end; None: too many, give up.

        ``sound_s``: for how long the engine had been ready, 0 if it never was.
        """
        if sound_s >= self._stable_s:
            self.failures = 0
        self.failures += 1
        if self.failures > self._restarts:
            return None
        if self.failures == 1:
            return 0.0
        doublings = min(self.failures - 2, 32)
        return float(min(FIRST_PAUSE_S * 2**doublings, MAXIMUM_PAUSE_S))
