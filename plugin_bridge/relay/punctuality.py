"""Whether the stems of one server come in time, and for how long they have."""

from __future__ import annotations

from collections import deque
from typing import Final

PATIENCE_S: Final = 0.1  # of lateness, until the other server is asked
FORGIVEN: Final = 0.05  # share of the time that may be late for ever
REBUILD_S: Final = 1.5  # what a server may take to read a pre-roll


class Punctuality:
    """Compares when stems were due with when they came.

    Late time adds up, and a twentieth of the time that went well is taken off again: a server that
    is late more often than that, or silent, is failing.
    """

    def __init__(self, latency_samples: int, budget_s: float, rate_hz: int) -> None:
        """``latency_samples``: the server's own; ``budget_s``: granted to transport and work."""
        self._latency_samples = latency_samples
        self._budget_s = budget_s
        self._rate_hz = rate_hz
        self.start(0, 0.0)

    def start(self, position_samples: int, now: float) -> None:
        """Begin anew: the stream goes on at this position, after a pre-roll."""
        self._due: deque[tuple[int, float]] = deque()  # (stems wanted up to, moment)
        self._lenient_until = now + REBUILD_S
        self._late_s = 0.0
        self._judged_samples = position_samples
        self._good_since: float | None = None

    def sent(self, end_samples: int, now: float) -> None:
        """Take note that the input up to this position went out."""
        deadline = max(now + self._budget_s, self._lenient_until)
        self._due.append((end_samples - self._latency_samples, deadline))

    def received(self, end_samples: int, now: float) -> None:
        """Take note that the stems up to this position came."""
        if self._good_since is None:
            self._good_since = now
        while self._due and self._due[0][0] <= end_samples:
            wanted, deadline = self._due.popleft()
            self._judge(wanted, now, is_late=now > deadline)

    def forgive(self) -> None:
        """Forget lateness of the past: the server has proven itself and is heard from now on."""
        self._late_s = 0.0

    def is_failing(self, now: float) -> bool:
        """Whether the stems have been late for too long, those that are still missing included."""
        return self._late_s + self.overdue_s(now) > PATIENCE_S

    def overdue_s(self, now: float) -> float:
        """Return for how long the oldest stems that are missing have been due."""
        return max(0.0, now - self._due[0][1]) if self._due else 0.0

    def good_for_s(self, now: float) -> float:
        """Return for how long every stem came in time; 0 before the first."""
        if self._good_since is None or (self._due and now > self._due[0][1]):
            return 0.0
        return now - max(self._good_since, self._lenient_until)

    def _judge(self, wanted_samples: int, now: float, *, is_late: bool) -> None:
        seconds = max(0, wanted_samples - self._judged_samples) / self._rate_hz
        self._judged_samples = max(self._judged_samples, wanted_samples)
        if is_late:
            self._late_s += seconds
            self._good_since = now
        else:
            self._late_s = max(0.0, self._late_s - FORGIVEN * seconds)
