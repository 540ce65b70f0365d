"""Phoenix one frame at a time: packed weights, preallocated state, nothing computed twice.

The same numbers as ``PhoenixNetwork`` gives, which is the oracle, at a fraction of its time: a
plain convolution of one frame packs its weights anew at every call and pays for each small tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from dsp.networks import phoenix_hop_kernels as kernels
from dsp.networks.kept import Kept
from dsp.networks.phoenix_head_step import NEAR_REACH, HeadStep
from dsp.networks.phoenix_hop_kernels import UP_TAPS, Level, Taps, Trunk
from dsp.networks.phoenix_kernels import hear
from dsp.networks.phoenix_shape import BINS, CHANNELS, USUAL_MAGNITUDE

if TYPE_CHECKING:
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedLevel, PackedPhoenix, PackedTaps
    from dsp.separator import FloatArray


class PhoenixStep:
    """One stream's state, and the step that moves it on by one frame."""

    def __init__(self, packed: PackedPhoenix) -> None:
        self._trunk = self._make_trunk(packed)
        self._head = HeadStep(packed.head)

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame``, the index of the first frame to come, places the ticks."""
        self._trunk.reset(frame)
        self._head.reset()

    def push(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """Filter the next frame, [channel 2, bin] through either window: the vocals' spectrum."""
        mask = self._trunk.listen(heard, self._head.features)
        return self._head.filter(mask, spectra)

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [channel 2, hop, bin], the first ``frame``."""
        self._head.reset()
        self._trunk.rebuild(heard, frame, self._head.features)

    def _make_trunk(self, packed: PackedPhoenix) -> TrunkStep:
        return TrunkStep(packed)


class TrunkStep:
    """The trunk's state, and its step."""

    _is_complex = False

    def __init__(self, packed: PackedPhoenix) -> None:
        levels = tuple(_empty_level(level) for level in packed.levels)
        self._layers = Kept(Trunk(levels, _empty_taps(packed.mask), self._is_complex))
        self._newest = np.zeros(len(levels) + 1, np.int64)
        self._until_tick = np.zeros(len(levels), np.int64)
        self._horizon_frames = packed.horizon_frames
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        layers = self._layers.parts
        for depth, level in enumerate(kept.parts for kept in layers.levels):
            level.down.frames[:] = 0.0
            level.joined[:] = 0.0
            self._until_tick[depth] = -frame % level.apart
            frame = -(-frame // level.apart)
        layers.mask.frames[:] = 0.0
        self._newest[:] = 0

    def rebuild(self, heard: ComplexArray, frame: int, features: FloatArray) -> None:
        """Reset, and take frames [channel 2, hop, bin] in; what is too old to matter is left out.

        ``frame`` is the index of the first.
        """
        unheard = max(0, heard.shape[1] - self._horizon_frames)
        self.reset(frame + unheard)
        for hop in range(unheard, heard.shape[1]):
            self.listen(heard[:, hop], features)

    def listen(self, heard: ComplexArray, features: FloatArray) -> FloatArray:
        """Make the next frame's mask [bin, channel]; the answer goes to the first ``features``.

        ``heard`` [channel 2, bin]; ``features`` is the head's, padded.
        """
        top = self._layers.parts.levels[0].parts
        self._hear(heard, top.down.frames[self._newest[0]])
        logits = kernels.listen(self._layers, self._newest, self._until_tick, features, NEAR_REACH)
        mask: FloatArray = expit(logits, out=logits).reshape(BINS, CHANNELS)
        return mask

    def _hear(self, heard: ComplexArray, padded: FloatArray) -> None:
        hear(heard, 1.0 / USUAL_MAGNITUDE, padded)


def _empty_level(packed: PackedLevel) -> Kept[Level]:
    """Give a level before any sound: what streams share of it, and a state of its own."""
    taps = packed.down
    joined = np.zeros((taps.rows + UP_TAPS - 1, packed.up_inputs), np.float32)
    return Kept(Level(packed.apart, _empty_taps(taps), packed.up, joined))


def _empty_taps(packed: PackedTaps) -> Taps:
    frames = np.zeros((packed.reach + 1, packed.padded_bins, packed.inputs), np.float32)
    return Taps(packed.weights, frames, packed.dilation, packed.stride, packed.rows)
