"""The rolling context of one stream: the newest seconds of dry audio, kept by absolute position.

Blocks are written where they belong, so reordering and duplicates need no special case, and loss is
visible as a gap. What is contiguous may be read; a gap waits for its block or for ``fill_gap``. On
the way in bad samples are repaired, by the one copy that a block's samples ever go through.
"""

from __future__ import annotations

import math
import mmap

import numpy as np
import numpy.typing as npt

from dsp.errors import SignalError
from dsp.sanitize import sanitize_into

FloatArray = npt.NDArray[np.float32]


class RollingContext:
    """A ring of ``capacity_samples`` per channel; memory is allocated here and never again.

    Positions are samples since the stream's origin. The first write of a position wins: what was
    read once reads the same for as long as it is kept.
    """

    def __init__(self, channels: int, capacity_samples: int, position_samples: int = 0) -> None:
        if channels < 1 or capacity_samples < 1:
            raise SignalError(
                f"context of {channels} channels x {capacity_samples} samples: at least 1 x 1"
            )
        self._ring = _mapped_zeros((channels, capacity_samples))
        self.duplicate_samples = 0  # written again, ignored
        self.stale_samples = 0  # before the origin or older than the capacity, ignored
        self.lost_samples = 0  # never written, read as silence
        self.repaired_samples = 0  # NaN, infinite or too large, counted in every channel
        self.seek(position_samples)

    @property
    def capacity_samples(self) -> int:
        """How much is kept."""
        return self._ring.shape[1]

    @property
    def oldest(self) -> int:
        """Position of the oldest sample kept."""
        return max(self._origin, self._newest_end - self.capacity_samples)

    @property
    def contiguous_end(self) -> int:
        """Position behind the last sample that can be read: where the first gap begins."""
        return self._contiguous_end

    @property
    def newest_end(self) -> int:
        """Position behind the newest sample written, gaps or not."""
        return self._newest_end

    def seek(self, position_samples: int) -> None:
        """Forget everything; the next contiguous sample is the one at this position."""
        self._origin = position_samples
        self._contiguous_end = position_samples
        self._newest_end = position_samples
        self._islands: list[tuple[int, int]] = []  # written beyond a gap, in order, disjoint

    def write(self, position_samples: int, samples: FloatArray) -> None:
        """Store ``samples`` [channel, frame] at their position, in any order.

        Only what is missing is stored. Writing so far ahead that a gap leaves the window counts the
        gap as lost. Raises SignalError for another channel count.
        """
        if samples.ndim != 2 or samples.shape[0] != self._ring.shape[0]:
            raise SignalError(f"samples {samples.shape}: [{self._ring.shape[0]}, n] expected")
        start, end = position_samples, position_samples + samples.shape[1]
        if start == end:
            return
        if (
            start == self._contiguous_end
            and not self._islands
            and end - start <= self.capacity_samples
        ):
            # As ever: the next block, and nothing waits beyond a gap.
            self._newest_end = self._contiguous_end = end
            self._store(start, samples)
            return
        self._slide(end)
        fresh = max(start, min(self.oldest, end))
        self.stale_samples += fresh - start
        for gap_start, gap_end in self._missing(fresh, end):
            self._store(gap_start, samples[:, gap_start - start : gap_end - start])
            self._islands.append((gap_start, gap_end))
        self._join_islands()

    def fill_gap(self) -> int:
        """Give up the first gap: silence up to the next sample there is; returns its length."""
        if not self._islands:
            return 0
        start, end = self._contiguous_end, self._islands[0][0]
        self._silence(start, end)
        self.lost_samples += end - start
        self._contiguous_end = end
        self._join_islands()
        return end - start

    def read(self, position_samples: int, frames: int) -> FloatArray:
        """Copy [channel, frames] from this position on; raises SignalError outside what is kept."""
        end = position_samples + frames
        if frames < 0 or position_samples < self.oldest or end > self._contiguous_end:
            raise SignalError(
                f"read of {position_samples} ... {end}: "
                f"{self.oldest} ... {self._contiguous_end} is kept"
            )
        samples = np.empty((self._ring.shape[0], frames), np.float32)
        at, head = self._place(position_samples, frames)
        samples[:, :head] = self._ring[:, at : at + head]
        if head < frames:
            samples[:, head:] = self._ring[:, : frames - head]
        return samples

    def _slide(self, end: int) -> None:
        """Move the window up to ``end``; what was never written and falls out of it is lost."""
        self._newest_end = max(self._newest_end, end)
        oldest = self.oldest
        if oldest <= self._contiguous_end:
            return
        kept = [(max(start, oldest), stop) for start, stop in self._islands if stop > oldest]
        written = sum(stop - start for start, stop in self._islands)
        written -= sum(stop - start for start, stop in kept)
        self.lost_samples += oldest - self._contiguous_end - written
        self._contiguous_end, self._islands = oldest, kept

    def _missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """Find the parts of start ... end not written yet; counts the rest as duplicate."""
        missing = []
        cursor = max(start, min(self._contiguous_end, end))
        for island_start, island_end in self._islands:
            if island_start >= end:
                break
            if cursor < island_start:
                missing.append((cursor, island_start))
            cursor = max(cursor, min(island_end, end))
        if cursor < end:
            missing.append((cursor, end))
        self.duplicate_samples += (end - start) - sum(stop - begin for begin, stop in missing)
        return missing

    def _join_islands(self) -> None:
        """Merge islands that touch, and the first one into the contiguous part if it touches it."""
        merged = [(self._contiguous_end, self._contiguous_end)]
        for start, end in sorted(self._islands):
            if start == merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        self._contiguous_end = merged[0][1]
        self._islands = merged[1:]

    def _store(self, position: int, samples: FloatArray) -> None:
        at, head = self._place(position, samples.shape[1])
        values = np.asarray(samples, np.float32)
        self.repaired_samples += sanitize_into(values[:, :head], self._ring[:, at : at + head])
        if head < values.shape[1]:
            rest = values[:, head:]
            self.repaired_samples += sanitize_into(rest, self._ring[:, : rest.shape[1]])

    def _silence(self, start: int, end: int) -> None:
        at, head = self._place(start, end - start)
        self._ring[:, at : at + head] = 0.0
        self._ring[:, : end - start - head] = 0.0

    def _place(self, position: int, frames: int) -> tuple[int, int]:
        """Index in the ring, and how many of the frames lie before it wraps."""
        at = position % self.capacity_samples
        return at, min(frames, self.capacity_samples - at)


def _mapped_zeros(shape: tuple[int, ...]) -> FloatArray:
    """Return zeros in a mapping of their own: megabytes that the system has back once unused.

    From the heap, streams of many sizes that come and go would leave holes that nothing fits.
    """
    pages = mmap.mmap(-1, math.prod(shape) * np.dtype(np.float32).itemsize)
    return np.frombuffer(pages, np.float32).reshape(shape)
