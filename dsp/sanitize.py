"""What may enter: finite, bounded, no subnormals.

One bad sample would stay in a recursive state for ever, so it is stopped before the context.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]

MAXIMUM_AMPLITUDE = 16.0  # +24 dBFS: more headroom than any host uses on purpose
_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)


def sanitize(samples: FloatArray) -> tuple[FloatArray, int]:
    """Copy with bad samples repaired, [channel, frame], and how many were repaired.

    NaN and infinities become 0; what is beyond ``MAXIMUM_AMPLITUDE`` is clipped to it. Subnormals
    become 0 too, but are not counted: they are silence, only slow.
    """
    clean = np.empty(samples.shape, np.float32)
    repaired = _sanitize(np.ascontiguousarray(samples, np.float32).ravel(), clean.ravel())
    return clean, repaired


@njit(cache=True, nogil=True, fastmath=False)
def _sanitize(samples: FloatArray, clean: FloatArray) -> int:
    """Fill ``clean`` [sample] from ``samples``; returns the number repaired; allocates nothing."""
    repaired = 0
    for index in range(samples.size):
        value = samples[index]
        magnitude = abs(value)
        if not magnitude < np.inf:
            value = np.float32(0.0)
            repaired += 1
        elif magnitude > MAXIMUM_AMPLITUDE:
            value = np.float32(MAXIMUM_AMPLITUDE if value > 0.0 else -MAXIMUM_AMPLITUDE)
            repaired += 1
        elif magnitude < _SMALLEST_NORMAL:
            value = np.float32(0.0)
        clean[index] = value
    return repaired


def warm_up() -> None:
    """Compile the kernel, or load it from the cache, before the first block needs it.

    Once for samples that may be written and once for those that may not, such as a message's: to
    the compiler these are two kinds.
    """
    samples = np.zeros((1, 1), np.float32)
    sanitize(samples)
    samples.flags.writeable = False
    sanitize(samples)
