"""Overlapping frames under windows, cut from what has come so far and what comes now.

In numpy these few microseconds of a hop are a dozen calls. Keeps the interpreter's lock, so not for
more than ``FRAMES_AT_ONCE``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]

FRAMES_AT_ONCE = 16


@njit(cache=True)
def cut_frames(
    past: FloatArray, samples: FloatArray, windows: FloatArray, first: int, frames: FloatArray
) -> None:
    """Write the windowed frames that end with each hop of ``samples`` [channel, n * hop].

    Frame ``first`` and those behind it, as many as are cut at once. ``past`` [channel, size - hop]
    is what came before all of the samples; ``windows`` [window, size]; ``frames`` [window, channel,
    n, size]. All C-contiguous.
    """
    _, channels, count, size = frames.shape
    before = past.shape[1]
    hop = size - before
    for channel in range(channels):
        for index in range(first, min(first + FRAMES_AT_ONCE, count)):
            earlier = max(0, before - index * hop)  # of the frame's samples are in the past
            old = past[channel, before - earlier :]
            new = samples[channel, max(0, index * hop - before) :]
            for which in range(windows.shape[0]):
                frame, window = frames[which, channel, index], windows[which]
                for sample in range(earlier):
                    frame[sample] = window[sample] * old[sample]
                frame, window = frame[earlier:], window[earlier:]
                for sample in range(frame.size):
                    frame[sample] = window[sample] * new[sample]


@njit(cache=True)
def move_on(past: FloatArray, samples: FloatArray) -> None:
    """Let the newest of ``past`` and ``samples``, [channel, sample] both, be the past."""
    size, came = past.shape[1], samples.shape[1]
    kept = max(0, size - came)
    for channel in range(past.shape[0]):
        row, newest = past[channel], samples[channel, came - (size - kept) :]
        for sample in range(kept):
            row[sample] = row[size - kept + sample]
        for sample in range(size - kept):
            row[kept + sample] = newest[sample]


def warm_up() -> None:
    """Compile the kernels, or load them from the cache, before the first block needs them."""
    past, frames = np.zeros((1, 2), np.float32), np.empty((1, 1, 1, 4), np.float32)
    cut_frames(past, past, frames[0, 0], 0, frames)
    move_on(past, past)
