"""Phoenix one frame at a time: packed weights, preallocated state, nothing computed twice.

The same numbers as ``PhoenixNetwork`` gives, which is the oracle, at a fraction of its time: a
plain convolution of one frame packs its weights anew at every call and pays for each small tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from dsp.networks import phoenix_kernels as kernels
from dsp.networks.phoenix_head_step import NEAR_REACH, HeadStep
from dsp.networks.phoenix_trunk import BINS, CHANNELS, USUAL_MAGNITUDE
from dsp.networks.rows import Rows
from dsp.networks.scratch import scratch_rows

if TYPE_CHECKING:
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedLevel, PackedPhoenix, PackedTaps
    from dsp.separator import FloatArray

_UP_TAPS = 3  # bins that a row reads
_PHASES = 2  # even bins, odd bins


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

    def __init__(self, packed: PackedPhoenix) -> None:
        self._levels = [_Level(level) for level in packed.levels]
        self._mask = _History(packed.mask)
        self._horizon_frames = packed.horizon_frames
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        for level in self._levels:
            level.reset(frame)
            frame = -(-frame // level.packed.apart)
        self._mask.reset()

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
        top = self._levels[0]
        self._hear(heard, top.history.newest)
        answer = self._run(0)
        pairs = self._mask.newest  # of bins: [padded pair, (even, odd) * answer]
        bins = pairs.reshape(_PHASES * pairs.shape[0], -1)
        self._pass_up(answer, bins, (bins.shape[0] - BINS) // 2, 0)
        self._pass_up(answer, features, NEAR_REACH, 0)
        mask: FloatArray = expit(self._mask.advance()).reshape(BINS, CHANNELS)
        return mask

    def _run(self, depth: int) -> FloatArray:
        """Answer the frame that lies in the level's input: [bin / 2, (even, odd) * answer]."""
        level = self._levels[depth]
        skip = level.history.advance()
        kernels.keep_skip(skip, level.joined)
        if depth + 1 < len(self._levels):
            deeper = self._levels[depth + 1]
            if deeper.ticks():
                self._pass_down(skip, deeper.history.newest)
                answer = self._run(depth + 1)
                self._pass_up(answer, level.joined, _UP_TAPS // 2, skip.shape[1])
        return level.packed.up(level.joined_rows)

    def _hear(self, heard: ComplexArray, padded: FloatArray) -> None:
        kernels.hear(heard, 1.0 / USUAL_MAGNITUDE, padded)

    def _pass_down(self, skip: FloatArray, padded: FloatArray) -> None:
        kernels.pass_down(skip, padded)

    def _pass_up(self, product: FloatArray, target: FloatArray, first: int, channel: int) -> None:
        kernels.pass_up(product, target, first, channel)


class _History:
    """The frames that a causal convolution still looks at, as a ring of padded inputs."""

    def __init__(self, packed: PackedTaps) -> None:
        self._packed = packed
        slots = (packed.time_taps - 1) * packed.dilation + 1
        self._frames = np.zeros((slots, packed.padded_bins, packed.inputs), np.float32)
        self._flat = self._frames.reshape(slots, -1)
        self._columns = packed.time_taps * packed.bin_taps * packed.inputs
        self._at = 0

    @property
    def newest(self) -> FloatArray:
        """Where the next frame goes: [padded bin, channel]; its padding stays zero."""
        newest: FloatArray = self._frames[self._at]
        return newest

    def reset(self) -> None:
        """Silence so far."""
        self._frames[:] = 0.0
        self._at = 0

    def advance(self) -> FloatArray:
        """Convolve the newest frame and those before it: [row, out]; the next one has room."""
        packed = self._packed
        step = packed.stride * packed.inputs
        gathered, rows = scratch_rows(packed.rows, self._columns)
        kernels.gather_past(self._flat, self._at, packed.dilation, step, gathered)
        self._at = (self._at + 1) % len(self._frames)
        return packed.product(rows)


class _Level:
    """One level's state: its input's past, its skip beside the deeper level's newest answer."""

    def __init__(self, packed: PackedLevel) -> None:
        self.packed = packed
        self.history = _History(packed.down)
        bins, channels = packed.down.rows, packed.up_inputs
        self.joined = np.zeros((bins + _UP_TAPS - 1, channels), np.float32)
        self.joined_rows = Rows(self.joined.reshape(-1), channels, bins)
        self._until_tick = 0

    def reset(self, frame: int) -> None:
        """Silence so far; ``frame`` counts those of the level above."""
        self.history.reset()
        self.joined[:] = 0.0
        self._until_tick = -frame % self.packed.apart

    def ticks(self) -> bool:
        """Whether this frame of the level above is one of this level's; time moves on."""
        is_due = self._until_tick == 0
        self._until_tick = (self._until_tick - 1) % self.packed.apart
        return is_due
