"""The last seconds of dry input, by absolute position: for pre-roll, and for the fallback."""

from __future__ import annotations

import numpy as np

from protocol import FloatArray


class DryHistory:
    """A ring of dry audio, [channel, capacity]; allocated once.

    Positions are absolute. What was never written, or has been overwritten, reads as silence.
    """

    def __init__(self, channels: int, capacity_frames: int, position_samples: int = 0) -> None:
        self._ring = np.zeros((channels, capacity_frames), np.float32)
        self._capacity = capacity_frames
        self.reset(position_samples)

    @property
    def start_samples(self) -> int:
        """Position of the oldest frame still held."""
        return max(self._origin, self.end_samples - self._capacity)

    def reset(self, position_samples: int) -> None:
        """Forget everything; the next write starts at this position."""
        self._origin = position_samples
        self.end_samples = position_samples

    def write(self, block: FloatArray) -> None:
        """Append ``block`` [channel, frame], the oldest frames giving way."""
        kept = block[:, -self._capacity :]
        first = (self.end_samples + block.shape[1] - kept.shape[1]) % self._capacity
        until_wrap = min(kept.shape[1], self._capacity - first)
        self._ring[:, first : first + until_wrap] = kept[:, :until_wrap]
        self._ring[:, : kept.shape[1] - until_wrap] = kept[:, until_wrap:]
        self.end_samples += block.shape[1]

    def read(self, position_samples: int, frames: int) -> FloatArray:
        """Return a copy of ``[channel, frames]`` from this position on."""
        block = np.zeros((len(self._ring), frames), np.float32)
        first = max(position_samples, self.start_samples)
        last = min(position_samples + frames, self.end_samples)
        while first < last:
            index = first % self._capacity
            run = min(last - first, self._capacity - index)
            at = first - position_samples
            block[:, at : at + run] = self._ring[:, index : index + run]
            first += run
        return block
