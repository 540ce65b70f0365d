"""Overlap-add of windowed frames, the innermost loop of every synthesis.

The ring holds one slot of ``hop`` samples for each hop that a synthesis window spans, so wrapping
falls between slots and every inner loop runs over contiguous memory. Compiled once, cached on disk,
and free of the GIL: socket threads run on while it adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]


@njit(cache=True, nogil=True, fastmath=False)
def overlap_add(
    frames: FloatArray,
    window: FloatArray,
    ring: FloatArray,
    slot: int,
    finished: FloatArray,
) -> int:
    """Add windowed frames into the ring and pop one finished hop for each; allocates nothing.

    ``frames`` [stem, channel, frame, sample]: only the newest ``window.size`` samples of each are
    read. ``window`` [sample], a whole number of hops; ``ring`` [stem, channel, slot, hop], one slot
    for each of them; ``slot``: where the oldest unfinished hop lies; ``finished`` [stem, channel,
    frame * hop] is written. All C-contiguous, float32, no aliasing. Returns the slot for the next
    call.

    Reads every windowed sample once: 2 flops and 12 bytes for each, so memory bandwidth is the
    bound.
    """
    stems, channels, frame_count, frame_length = frames.shape
    slots, hop = ring.shape[2], ring.shape[3]
    offset = frame_length - window.size
    for stem in range(stems):
        for channel in range(channels):
            for index in range(frame_count):
                frame = frames[stem, channel, index, offset:]
                first = (slot + index) % slots
                _pop_oldest(
                    frame[:hop],
                    window[:hop],
                    ring[stem, channel, first],
                    finished[stem, channel, index * hop : (index + 1) * hop],
                )
                for later in range(1, slots - 1):
                    _accumulate(
                        frame[later * hop : (later + 1) * hop],
                        window[later * hop : (later + 1) * hop],
                        ring[stem, channel, (first + later) % slots],
                    )
                _start_newest(
                    frame[(slots - 1) * hop :],
                    window[(slots - 1) * hop :],
                    ring[stem, channel, (first + slots - 1) % slots],
                )
    return (slot + frame_count) % slots


@njit(cache=True, nogil=True, fastmath=False, inline="always")
def _pop_oldest(
    frame: FloatArray, window: FloatArray, ring_slot: FloatArray, finished: FloatArray
) -> None:
    """Send the oldest hop, with its last contribution, straight to the output."""
    for sample in range(finished.size):
        finished[sample] = ring_slot[sample] + frame[sample] * window[sample]


@njit(cache=True, nogil=True, fastmath=False, inline="always")
def _accumulate(frame: FloatArray, window: FloatArray, ring_slot: FloatArray) -> None:
    """Add one more contribution to a hop in the middle of the window."""
    for sample in range(ring_slot.size):
        ring_slot[sample] += frame[sample] * window[sample]


@njit(cache=True, nogil=True, fastmath=False, inline="always")
def _start_newest(frame: FloatArray, window: FloatArray, ring_slot: FloatArray) -> None:
    """Overwrite with the first contribution: a popped slot need not be cleared."""
    for sample in range(ring_slot.size):
        ring_slot[sample] = frame[sample] * window[sample]


def warm_up() -> None:
    """Compile every kernel, or load it from the cache, before the first block needs it."""
    frames = np.zeros((1, 1, 1, 4), np.float32)
    ring = np.zeros((1, 1, 2, 2), np.float32)
    overlap_add(frames, np.zeros(4, np.float32), ring, 0, np.zeros((1, 1, 2), np.float32))
