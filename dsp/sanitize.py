"""What may enter: finite, bounded, no subnormals.

One bad sample would stay in a recursive state for ever, so it is stopped on its way into the
context, by the one copy there is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, types

FloatArray = npt.NDArray[np.float32]

MAXIMUM_AMPLITUDE = 16.0  # +24 dBFS: more headroom than any host uses on purpose
_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
# Whatever lies in memory in whatever way, a message's read-only samples too: one kernel for all.
_SAMPLES = types.Array(types.float32, 2, "A", readonly=True)
_CLEAN = types.Array(types.float32, 2, "A")


@njit(types.int64(_SAMPLES, _CLEAN), cache=True, fastmath=False)
def sanitize_into(samples: FloatArray, clean: FloatArray) -> int:
    """Copy [channel, frame] to ``clean`` with bad samples repaired; returns how many were.

    NaN and infinities become 0; what is beyond ``MAXIMUM_AMPLITUDE`` is clipped to it. Subnormals
    become 0 too, but are not counted: they are silence, only slow. Allocates nothing.
    """
    repaired = 0
    for channel in range(samples.shape[0]):
        for frame in range(samples.shape[1]):
            value = samples[channel, frame]
            magnitude = abs(value)
            if not magnitude < np.inf:
                value = np.float32(0.0)
                repaired += 1
            elif magnitude > MAXIMUM_AMPLITUDE:
                value = np.float32(MAXIMUM_AMPLITUDE if value > 0.0 else -MAXIMUM_AMPLITUDE)
                repaired += 1
            elif magnitude < _SMALLEST_NORMAL:
                value = np.float32(0.0)
            clean[channel, frame] = value
    return repaired
