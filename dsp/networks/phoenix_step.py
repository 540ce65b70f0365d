"""Phoenix one frame at a time: packed weights, preallocated state, nothing computed twice.

The same numbers as ``PhoenixNetwork`` gives, which is the oracle, at a fraction of its time: a
plain convolution of one frame packs its weights anew at every call and pays for each small tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import phoenix_hop_kernels as kernels
from dsp.networks.bfloat_products import beyond
from dsp.networks.kept import Kept
from dsp.networks.phoenix_head_step import NEAR_REACH, HeadStep
from dsp.networks.phoenix_hop_kernels import UP_TAPS, Level, Taps, Trunk
from dsp.networks.phoenix_kernels import hear
from dsp.networks.phoenix_shape import BINS, CHANNELS, USUAL_MAGNITUDE
from dsp.networks.products import NO_WEIGHTS, Arithmetic

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
        self._layers = Kept(
            Trunk(
                levels,
                _empty_taps(packed.mask),
                newest=np.zeros(len(levels) + 1, np.int64),
                until_tick=np.zeros(len(levels), np.int64),
                until_past=np.zeros(len(levels), np.int64),
                is_complex=self._is_complex,
            )
        )
        self._horizon_frames = packed.horizon_frames
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        layers = self._layers.parts
        for depth, level in enumerate(kept.parts for kept in layers.levels):
            level.down.frames[:] = 0.0
            level.down.halves[:] = 0
            level.down.from_past[:] = level.down.past.of_silence
            level.joined[:] = 0.0
            layers.until_tick[depth] = -frame % level.apart
            frame = -(-frame // level.apart)
        layers.mask.frames[:] = 0.0
        layers.mask.halves[:] = 0
        layers.newest[:] = 0
        layers.until_past[:] = -1  # there is nothing but silence

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
        layers = self._layers.parts
        self._hear(heard, layers.levels[0].parts.down.frames[layers.newest[0]])
        return kernels.listen(self._layers, features, NEAR_REACH).reshape(BINS, CHANNELS)

    def _hear(self, heard: ComplexArray, padded: FloatArray) -> None:
        hear(heard, 1.0 / USUAL_MAGNITUDE, padded)


def _empty_level(packed: PackedLevel) -> Kept[Level]:
    """Give a level before any sound: what streams share of it, and a state of its own."""
    taps = packed.down
    joined = np.zeros((taps.rows + UP_TAPS - 1, packed.up_inputs), np.float32)
    return Kept(Level(packed.apart, packed.period, _empty_taps(taps), packed.up, joined))


def _empty_taps(packed: PackedTaps) -> Taps:
    frames = np.zeros((packed.reach + 1, packed.padded_bins, packed.inputs), np.float32)
    past = NO_WEIGHTS if packed.past is None else packed.past
    is_halved = Arithmetic.BFLOAT16 in {packed.weights.arithmetic, past.arithmetic}
    step, width = packed.stride * packed.inputs, packed.bin_taps * packed.inputs
    halves = frames.size + beyond(step, width) if is_halved else 0
    return Taps(
        packed.weights,
        past,
        frames,
        np.zeros(halves, np.uint16),
        packed.dilation,
        packed.stride,
        packed.rows,
        packed.bin_taps,
        from_past=np.zeros((packed.rows, past.outputs), np.float32),
    )
