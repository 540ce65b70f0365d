"""The head one frame at a time: packed weights, buffers made once, no past.

`PhoenixHead` is its oracle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import phoenix_kernels as kernels
from dsp.networks.phoenix_head import LEVEL_SCALE, QUIET
from dsp.networks.phoenix_trunk import BINS
from dsp.networks.rows import Rows
from dsp.networks.scratch import scratch_rows

if TYPE_CHECKING:
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedHead
    from dsp.separator import FloatArray

NEAR_REACH = 2
"""Empty rows of the features before the first bin and after the last one."""

_NEAR_TAPS = 2 * NEAR_REACH + 1


class HeadStep:
    """The complex filter for one frame; it has no past."""

    def __init__(self, packed: PackedHead) -> None:
        self._packed = packed
        channels = packed.features
        self.features = np.zeros((BINS + _NEAR_TAPS - 1, channels), np.float32)
        self._near_rows = Rows(self.features.reshape(-1), channels, BINS)
        self._far_columns = kernels.FAR_TAPS * packed.width

    def reset(self) -> None:
        """Nothing has been answered yet."""
        self.features[:] = 0.0

    def filter(self, mask: FloatArray, spectra: ComplexArray) -> ComplexArray:
        """[channel, bin] to the vocals' spectrum; the trunk's answer lies in the features."""
        kernels.add_direction(mask, spectra, QUIET, LEVEL_SCALE, self.features)
        gathered, rows = scratch_rows(BINS, self._far_columns)
        kernels.gather_far(self._packed.near(self._near_rows), gathered)
        hidden = self._packed.far(rows)
        kernels.rectify(hidden)
        matrix = self._packed.matrix(Rows.of(hidden))
        np.tanh(matrix, out=matrix)
        filtered = np.empty_like(spectra)
        kernels.filter_frame(matrix, mask, spectra, filtered)
        return filtered
