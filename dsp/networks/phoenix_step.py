"""Phoenix one frame at a time: packed weights, preallocated state, nothing computed twice.

The same numbers as ``PhoenixNetwork`` gives, which is the oracle, at a fraction of its time: a
plain convolution of one frame packs its weights anew at every call and pays for each small tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import aligned, live_hop_kernels
from dsp.networks import phoenix_hop_kernels as kernels
from dsp.networks.aligned import LINE_BYTES
from dsp.networks.bfloat_products import zeros_with_room
from dsp.networks.kept import Kept
from dsp.networks.phoenix_hop_kernels import NEAR_REACH, UP_TAPS, Level, Phoenix, Taps, Trunk
from dsp.networks.phoenix_shape import BINS, HOPS_PER_STEP
from dsp.networks.products import no_weights

if TYPE_CHECKING:
    from dsp.networks.live_hop_kernels import Play
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedLevel, PackedPhoenix, PackedTaps
    from dsp.separator import FloatArray


class PhoenixStep:
    """One stream's state, and the step that moves it on by one frame."""

    def __init__(self, packed: PackedPhoenix, *, is_complex: bool = False) -> None:
        """``is_complex``: the network is Cassiopeia."""
        self._trunk = TrunkStep(packed, is_complex=is_complex)
        self.layers = Kept(Phoenix(self._trunk.layers, packed.head))

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame``, the index of the first frame to come, places the ticks."""
        self._trunk.reset(frame)

    def push(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """Filter one frame, [channel 2, bin] through either window: the vocals' spectrum."""
        given = np.ascontiguousarray(heard), np.ascontiguousarray(spectra)
        return kernels.push(self.layers, *given)

    @property
    def play(self) -> Play[Phoenix]:
        """The kernel that plays a stream through it."""
        return live_hop_kernels.play_phoenix

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [hop, channel 2, bin], the first ``frame``."""
        self._trunk.rebuild(heard, frame)


class TrunkStep:
    """The trunk's state; ``layers`` are what a hop's kernel takes."""

    def __init__(self, packed: PackedPhoenix, *, is_complex: bool = False) -> None:
        levels = tuple(_empty_level(level) for level in packed.levels)
        middle_frames = HOPS_PER_STEP if is_complex else 0
        self.layers = Kept(
            Trunk(
                levels,
                _empty_taps(packed.mask),
                newest=np.zeros(len(levels) + 2, np.int64),
                until_tick=np.zeros(len(levels), np.int64),
                until_past=np.zeros(len(levels), np.int64),
                is_complex=is_complex,
                middle=np.zeros((middle_frames, BINS), np.complex64),
            )
        )
        self._horizon_frames = packed.horizon_frames + middle_frames
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        layers = self.layers.parts
        for depth, level in enumerate(kept.parts for kept in layers.levels):
            level.down.ring[:] = 0
            level.down.from_past[:] = level.down.past.of_silence
            level.joined[:] = 0
            layers.until_tick[depth] = -frame % level.apart
            frame = -(-frame // level.apart)
        layers.mask.ring[:] = 0
        layers.middle[:] = 0.0
        layers.newest[:] = 0
        layers.until_past[:] = -1  # there is nothing but silence

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Reset, and take frames [hop, channel 2, bin] in; what is too old to matter is left out.

        ``frame`` is the index of the first.
        """
        unheard = max(0, len(heard) - self._horizon_frames)
        self.reset(frame + unheard)
        for newest in heard[unheard:]:
            self.listen(newest)

    def listen(self, heard: ComplexArray) -> FloatArray:
        """Make the next frame's mask [bin, channel], from ``heard`` [channel 2, bin]."""
        levels = self.layers.parts.levels
        answer_width = levels[0].parts.up.outputs // 2
        answer = np.empty((BINS + 2 * NEAR_REACH, answer_width), np.float32)
        return kernels.listen(self.layers, np.ascontiguousarray(heard), answer)


def _empty_level(packed: PackedLevel) -> Kept[Level]:
    """Give a level before any sound: what streams share of it, and a state of its own."""
    taps = packed.down
    shape = taps.rows + UP_TAPS - 1, packed.up_inputs
    joined = zeros_with_room(shape, taps.frames_as, packed.up_inputs, taps.rows)
    return Kept(Level(packed.apart, packed.period, _empty_taps(taps), packed.up, joined))


def _empty_taps(packed: PackedTaps) -> Taps:
    past = no_weights() if packed.past is None else packed.past
    size = packed.padded_bins * packed.inputs
    size = -(-size // LINE_BYTES) * LINE_BYTES  # so that each slot begins a line
    step = packed.stride * packed.inputs
    return Taps(
        packed.weights,
        past,
        zeros_with_room((packed.reach + 1, size), packed.frames_as, step, packed.rows),
        packed.dilation,
        packed.stride,
        packed.rows,
        packed.bin_taps,
        packed.inputs,
        from_past=aligned.zeros((packed.rows, past.outputs), np.float32),
    )
