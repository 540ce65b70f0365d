"""Stems by absolute position: written as they arrive, read once, at the position that is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from protocol import FloatArray

BoolArray = npt.NDArray[np.bool_]


class StemRing:
    """A ring of stems, [row, channel, capacity], and which frames of each row have arrived.

    A row per stem name; names may be added while it runs. What arrives for positions that have been
    read is refused: a late stem is never played late.
    """

    def __init__(
        self, names: Sequence[str], channels: int, capacity_frames: int, position_samples: int = 0
    ) -> None:
        self.names: tuple[str, ...] = ()
        self._capacity = capacity_frames
        self._samples = np.zeros((0, channels, capacity_frames), np.float32)
        self._valid = np.zeros((0, capacity_frames), np.bool_)
        self.add_rows(names)
        self.reset(position_samples)

    def add_rows(self, names: Sequence[str]) -> None:
        """Make room for stems that were not known before; allocates, and only then."""
        new = tuple(name for name in names if name not in self.names)
        if not new:
            return
        grown = ((0, len(new)), (0, 0), (0, 0))
        self._samples = np.pad(self._samples, grown)
        self._valid = np.pad(self._valid, grown[:2])
        self.names += new

    def reset(self, position_samples: int) -> None:
        """Forget everything; the next read starts at this position."""
        self._valid[:] = False
        self.read_samples = position_samples
        self.written_samples = position_samples

    def write(self, position_samples: int, names: Sequence[str], samples: FloatArray) -> int:
        """Store ``samples`` [stem, channel, frame] of the named stems; return the frames refused.

        Frames before the read position, or too far ahead of it to be kept, are refused.
        """
        first = max(position_samples, self.read_samples)
        last = min(position_samples + samples.shape[2], self.read_samples + self._capacity)
        frames = int(samples.shape[2])
        if first >= last:
            return frames
        rows = [self.names.index(name) for name in names]
        for index, at, run in self._runs(first, last):
            source = samples[:, :, at - position_samples : at - position_samples + run]
            self._samples[rows, :, index : index + run] = source
            self._valid[:, index : index + run] = False
            self._valid[rows, index : index + run] = True
        self.written_samples = max(self.written_samples, last)
        return frames - int(last - first)

    def read(self, names: Sequence[str], frames: int) -> tuple[FloatArray, BoolArray]:
        """Return the next frames of the named stems, and which of them arrived.

        Shapes [stem, channel, frame] and [stem, frame]. Frames that did not arrive hold anything.
        """
        first, rows = self.read_samples, [self.names.index(name) for name in names]
        samples = np.empty((len(rows), self._samples.shape[1], frames), np.float32)
        valid = np.empty((len(rows), frames), np.bool_)
        for index, at, run in self._runs(first, first + frames):
            span = slice(at - first, at - first + run)
            samples[:, :, span] = self._samples[rows, :, index : index + run]
            valid[:, span] = self._valid[rows, index : index + run]
            self._valid[:, index : index + run] = False
        self.read_samples += frames
        self.written_samples = max(self.written_samples, self.read_samples)
        return samples, valid

    def _runs(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Cut positions at the ring's end: yields (index in the ring, position, frames)."""
        while first < last:
            index = first % self._capacity
            run = min(last - first, self._capacity - index)
            yield index, first, run
            first += run
