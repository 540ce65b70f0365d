"""What is counted of one stream, by the I/O thread and by the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals of one stream since it was opened."""

    blocks: int = 0
    dropped_frames: int = 0  # of input, by the inbox; the I/O thread counts
    lost_frames: int = 0  # of input, found missing by the pipeline; the engine counts

    @property
    def missing_frames(self) -> int:
        """Input that was taken as silence; what the inbox dropped, the pipeline misses later."""
        return max(self.dropped_frames, self.lost_frames)
