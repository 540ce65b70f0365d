"""How late a live stream is, and whether it falls further behind; owned by the I/O thread alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_GROWING_S: Final = 0.1  # since it was never later


@dataclass(slots=True)
class Lateness:
    """For how long a stream's oldest request has been overdue without a break, and how it goes."""

    since: float = math.nan
    worst_s: float = 0.0
    grew_at: float = math.nan

    def note(self, now: float, overdue_s: float) -> None:
        """Take in by how much the oldest request is overdue; 0 or less: it is not."""
        if overdue_s <= 0:
            self.since = math.nan
        elif math.isnan(self.since):
            self.since, self.worst_s, self.grew_at = now, overdue_s, now
        elif overdue_s > self.worst_s:
            self.worst_s, self.grew_at = overdue_s, now

    def lasts(self, now: float, seconds: float) -> bool:
        """Whether that has gone on for longer than so long."""
        return now - self.since > seconds

    def is_growing(self, now: float) -> bool:
        """Whether the stream falls further behind, rather than catching up."""
        return now - self.grew_at < _GROWING_S
