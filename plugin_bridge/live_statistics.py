"""What a live session counts; nothing here allocates while audio runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_BIN_SAMPLES: Final = 16
_BINS: Final = 4096  # up to 65536 samples; slower answers fall into the last bin


@dataclass(frozen=True, slots=True)
class LiveStatistics:
    """A live session so far; times in samples at the host's rate.

    ``headroom_min_samples`` is by how much the round trip's budget could shrink without a late
    sample: how far ahead of what was played stems had arrived, at worst, while the server was
    there.
    """

    state: str  # live, lost, connecting or opening
    blocks: int = 0
    late_blocks: int = 0  # with at least one frame that was replaced
    late_frames: int = 0  # replaced by the fallback
    fallbacks: int = 0  # times the fallback took over
    refused_frames: int = 0  # of stems that came when their time was over
    unsent_blocks: int = 0  # the socket would not take them
    dropped_frames: int = 0  # of input, as the server counts them
    losses: int = 0  # times the server was given up
    reconnects: int = 0
    round_trip_p50_samples: int = 0  # from the callback that sent to the one that read
    round_trip_p99_samples: int = 0
    round_trip_max_samples: int = 0
    headroom_min_samples: int = 0
    last_error: str = ""


class RoundTrips:
    """A histogram of round trips in samples, allocated once."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self.maximum_samples = 0

    def add(self, samples: int) -> None:
        """Count one round trip."""
        self._counts[min(samples // _BIN_SAMPLES, _BINS - 1)] += 1
        self.maximum_samples = max(self.maximum_samples, samples)

    def quantile_samples(self, fraction: float) -> int:
        """Return the upper edge of the bin that holds this fraction; 0 when nothing was counted."""
        total = int(self._counts.sum())
        if not total:
            return 0
        at = int(np.searchsorted(np.cumsum(self._counts), fraction * total))
        return min((at + 1) * _BIN_SAMPLES, self.maximum_samples)
