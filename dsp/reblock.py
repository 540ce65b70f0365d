"""Blocks of any size in, blocks of another size out.

A host's blocks and a network's hops rarely have the same length; between them stands a first-in,
first-out ring whose delay is a matter of counting.
"""

from __future__ import annotations

from math import gcd

import numpy as np
import numpy.typing as npt

from dsp.errors import SignalError

FloatArray = npt.NDArray[np.float32]


class SampleFifo:
    """First in, first out, along the last axis of [*lead, sample].

    The ring doubles when a burst does not fit; once it holds the largest burst, it allocates no
    more.
    """

    def __init__(self, lead: tuple[int, ...], capacity_samples: int = 1024) -> None:
        self._ring = np.zeros((*lead, max(1, capacity_samples)), np.float32)
        self._start = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def capacity_samples(self) -> int:
        """How many samples fit without growing."""
        return self._ring.shape[-1]

    def clear(self) -> None:
        """Forget what is held."""
        self._start = self._count = 0

    def push(self, samples: FloatArray) -> None:
        """Append [*lead, n]; raises SignalError for another shape."""
        if samples.shape[:-1] != self._ring.shape[:-1]:
            raise SignalError(f"samples {samples.shape}: {(*self._ring.shape[:-1], 'n')} expected")
        frames = samples.shape[-1]
        if self._count + frames > self.capacity_samples:
            self._grow(self._count + frames)
        at = (self._start + self._count) % self.capacity_samples
        head = min(frames, self.capacity_samples - at)
        self._ring[..., at : at + head] = samples[..., :head]
        if head < frames:
            self._ring[..., : frames - head] = samples[..., head:]
        self._count += frames

    def pop(self, frames: int) -> FloatArray:
        """Take the oldest [*lead, frames]; raises SignalError when fewer are held."""
        if not 0 <= frames <= self._count:
            raise SignalError(f"pop of {frames} samples: {self._count} are held")
        samples = np.empty((*self._ring.shape[:-1], frames), np.float32)
        head = min(frames, self.capacity_samples - self._start)
        samples[..., :head] = self._ring[..., self._start : self._start + head]
        if head < frames:
            samples[..., head:] = self._ring[..., : frames - head]
        self._start = (self._start + frames) % self.capacity_samples
        self._count -= frames
        return samples

    def _grow(self, needed: int) -> None:
        held = self._count
        kept = self.pop(held)
        capacity = max(needed, 2 * self.capacity_samples)
        self._ring = np.zeros((*self._ring.shape[:-1], capacity), np.float32)
        self._ring[..., :held] = kept
        self._start, self._count = 0, held


class Reblocker:
    """Any blocks in, whole hops out, as soon as they are full."""

    def __init__(self, lead: tuple[int, ...], hop_samples: int) -> None:
        self.hop_samples = hop_samples
        self._fifo = SampleFifo(lead, 2 * hop_samples)

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
        self._fifo = SampleFifo(lead, 2 * delay_samples + 1)
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
