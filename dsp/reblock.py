"""Blocks of any size in, blocks of another size out.

A host's blocks and a network's hops rarely have the same length; between them stands a first-in,
first-out queue whose delay is a matter of counting.
"""

from __future__ import annotations

from collections import deque
from math import gcd

import numpy as np
import numpy.typing as npt

from dsp.errors import SignalError

FloatArray = npt.NDArray[np.float32]


class SampleFifo:
    """First in, first out, along the last axis of [*lead, sample].

    It keeps the arrays it is given, which must stay as they are; samples are copied only where what
    is taken is not one of them whole.
    """

    def __init__(self, lead: tuple[int, ...]) -> None:
        self._lead = lead
        self._pieces: deque[FloatArray] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        """Forget what is held."""
        self._pieces.clear()
        self._count = 0

    def push(self, samples: FloatArray) -> None:
        """Append [*lead, n]; raises SignalError for another shape."""
        *lead, frames = samples.shape
        if tuple(lead) != self._lead:
            raise SignalError(f"samples {samples.shape}: {(*self._lead, 'n')} expected")
        if frames:
            self._pieces.append(samples)
            self._count += frames

    def pop(self, frames: int) -> FloatArray:
        """Take the oldest [*lead, frames]; raises SignalError when fewer are held."""
        if not 0 <= frames <= self._count:
            raise SignalError(f"pop of {frames} samples: {self._count} are held")
        self._count -= frames
        if self._pieces and self._pieces[0].shape[-1] == frames:
            return self._pieces.popleft()
        samples = np.empty((*self._lead, frames), np.float32)
        filled = 0
        while filled < frames:
            piece = self._pieces.popleft()
            part = piece[..., : frames - filled]
            samples[..., filled : filled + part.shape[-1]] = part
            filled += part.shape[-1]
            if part.shape[-1] < piece.shape[-1]:
                self._pieces.appendleft(piece[..., part.shape[-1] :])
        return samples


class Reblocker:
    """Any blocks in, whole hops out, as soon as they are full."""

    def __init__(self, lead: tuple[int, ...], hop_samples: int) -> None:
        self.hop_samples = hop_samples
        self._fifo = SampleFifo(lead)

    @property
    def held_samples(self) -> int:
        """Samples waiting for the rest of their hop."""
        return len(self._fifo)

    def push(self, samples: FloatArray) -> FloatArray:
        """[*lead, n] in, [*lead, k * hop] out; k may be 0."""
        self._fifo.push(samples)
        return self._fifo.pop(len(self._fifo) // self.hop_samples * self.hop_samples)

    def reset(self) -> None:
        """Forget the started hop."""
        self._fifo.clear()


class BlockAdapter:
    """Hops back to the host's blocks: ``n`` samples out for every ``n`` in, at a constant delay.

    Starts with ``delay_samples`` of silence, so that a block can always be answered.
    """

    def __init__(self, lead: tuple[int, ...], delay_samples: int) -> None:
        self.delay_samples = delay_samples
        self._fifo = SampleFifo(lead)
        self._fifo.push(np.zeros((*lead, delay_samples), np.float32))

    def push(self, hops: FloatArray) -> None:
        """Append [*lead, k * hop]."""
        self._fifo.push(hops)

    def pop(self, frames: int) -> FloatArray:
        """Take [*lead, frames]; raises SignalError when the delay was too short for that."""
        return self._fifo.pop(frames)


def reblocking_delay_samples(hop_samples: int, block_frames: int | None = None) -> int:
    """Give the smallest delay at which hops can answer blocks: always, and reached.

    For a constant block length, ``hop - gcd(hop, block)``; ``None``: blocks of any, changing
    length.
    """
    if block_frames is None:
        return hop_samples - 1
    return hop_samples - gcd(hop_samples, block_frames)
