"""The head one frame at a time: packed weights, buffers made once, no past.

`PhoenixHead` is its oracle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import phoenix_hop_kernels as kernels
from dsp.networks.kept import Kept
from dsp.networks.phoenix_shape import BINS, LEVEL_SCALE, QUIET

if TYPE_CHECKING:
    from dsp.networks.phoenix_hop_kernels import Head
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.separator import FloatArray

NEAR_REACH = 2
"""Empty rows of the features before the first bin and after the last one."""

_NEAR_TAPS = 2 * NEAR_REACH + 1


class HeadStep:
    """The complex filter for one frame; it has no past."""

    def __init__(self, head: Head) -> None:
        self._head = Kept(head)
        channels = head.near.inputs // _NEAR_TAPS
        self.features = np.zeros((BINS + _NEAR_TAPS - 1, channels), np.float32)

    def reset(self) -> None:
        """Nothing has been answered yet."""
        self.features[:] = 0.0

    def filter(self, mask: FloatArray, spectra: ComplexArray) -> ComplexArray:
        """[channel, bin] to the vocals' spectrum; the trunk's answer lies in the features."""
        filtered = np.empty_like(spectra)
        given = self._head, mask, spectra, QUIET, LEVEL_SCALE, self.features
        kernels.filter_frame(*given, filtered)
        return filtered
