"""Cassiopeia one frame at a time: Phoenix's step with complex channels.

The same numbers as the network gives, which is the oracle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import cassiopeia_kernels as kernels
from dsp.networks.cassiopeia_trunk import LEAST_MAGNITUDE
from dsp.networks.phoenix import LIVE
from dsp.networks.phoenix_shape import BINS, STEP_SAMPLES, USUAL_MAGNITUDE
from dsp.networks.phoenix_step import PhoenixStep, TrunkStep

if TYPE_CHECKING:
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedPhoenix
    from dsp.separator import FloatArray

_STEP_FRAMES = STEP_SAMPLES // LIVE.hop_samples
"""How many frames back the middle's phase is compared with: those of one step."""


class CassiopeiaTrunkStep(TrunkStep):
    """The trunk's state, and its step."""

    _is_complex = True

    def __init__(self, packed: PackedPhoenix) -> None:
        self._middle_past = np.zeros((_STEP_FRAMES, BINS), np.complex64)
        self._oldest = 0
        super().__init__(packed)
        self._horizon_frames += _STEP_FRAMES

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        super().reset(frame)
        self._middle_past[:] = 0.0

    def _hear(self, heard: ComplexArray, target: FloatArray) -> None:
        before = self._middle_past[self._oldest]
        kernels.hear(heard, before, 1.0 / USUAL_MAGNITUDE, LEAST_MAGNITUDE, target)
        self._oldest = (self._oldest + 1) % _STEP_FRAMES


class CassiopeiaStep(PhoenixStep):
    """One stream's state, and the step that moves it on by one frame."""

    def _make_trunk(self, packed: PackedPhoenix) -> CassiopeiaTrunkStep:
        return CassiopeiaTrunkStep(packed)
