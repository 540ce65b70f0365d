"""A hop of Phoenix's trunk, and of its head up to the matrices, each as one kernel.

As calls from Python, some forty, it would take half as long again, and ask for the interpreter's
lock as often. Kernels in between are not cached by themselves: see `kernel_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from dsp.networks import cassiopeia_kernels, phoenix_kernels
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.products import multiply

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.kept import Kept
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray

    ClockArray = npt.NDArray[np.int64]

UP_TAPS = 3
"""Bins that a row of an up-convolution reads."""

_PHASES = 2  # even bins, odd bins


class Taps(NamedTuple):
    """A causal convolution: its weights, and the frames that it still looks at, as a ring."""

    weights: Weights  # [time tap, newest first * bin tap * in] -> [out]
    frames: FloatArray  # [slot, padded bin, in]; the padding stays zero
    dilation: int  # frames between two time taps
    stride: int  # bins from one row to the next
    rows: int


class Level(NamedTuple):
    """One level of the trunk, down and up."""

    apart: int  # ticks of the level above between two of its own
    down: Taps
    up: Weights  # [3 bins * joined channels] -> [(even, odd) * answer]
    joined: FloatArray  # [1 + bin + 1, channel]: its skip beside the deeper level's newest answer


class Trunk(NamedTuple):
    """All levels and the mask's convolution; ``is_complex``: channels are (real, imaginary)."""

    levels: tuple[Kept[Level], ...]
    mask: Taps
    is_complex: bool


class Head(NamedTuple):
    """The head's three layers; ``far`` reads its taps as one row."""

    near: Weights
    far: Weights
    matrix: Weights


@hop_kernel
def listen(
    kept: Kept[Trunk], newest: ClockArray, until_tick: ClockArray, features: FloatArray, first: int
) -> FloatArray:
    """Answer the frame that lies newest in the first level: the mask's logits, [pair, 2 * 2].

    ``kept`` is a `Trunk`. The answer itself goes to the first channels of ``features``, from row
    ``first`` on. ``newest`` [level + 1] says where in its ring each level's newest frame lies, and
    the mask's; it moves on, as does ``until_tick`` [level], in ticks of the level above.
    """
    trunk = kept.parts
    levels = trunk.levels
    deepest = 0
    skip = _take_in(levels[0].parts, newest, 0)
    while deepest + 1 < len(levels) and _is_due(levels[deepest + 1].parts, until_tick, deepest + 1):
        deepest += 1
        level = levels[deepest].parts
        _pass_down(trunk.is_complex, skip, level.down.frames[newest[deepest]])
        skip = _take_in(level, newest, deepest)
    answer = _answer(levels[deepest].parts)
    for depth in range(deepest - 1, -1, -1):
        level = levels[depth].parts
        skip_channels = level.down.weights.outputs
        _pass_up(trunk.is_complex, answer, level.joined, UP_TAPS // 2, skip_channels)
        answer = _answer(level)
    pairs = trunk.mask.frames[newest[len(levels)]]
    bins = pairs.reshape(_PHASES * pairs.shape[0], pairs.shape[1] // _PHASES)
    padding = (pairs.shape[0] - trunk.mask.rows) // 2 * _PHASES
    _pass_up(trunk.is_complex, answer, bins, padding, 0)
    _pass_up(trunk.is_complex, answer, features, first, 0)
    return _convolve(trunk.mask, newest, len(levels))


@hop_kernel
def find_matrices(  # noqa: PLR0917 - Numba takes arrays by position
    kept: Kept[Head],
    mask: FloatArray,
    spectra: ComplexArray,
    quiet: float,
    scale: float,
    features: FloatArray,
) -> FloatArray:
    """Return the head's matrices before their tanh, [bin, 8]; the trunk has written its features.

    ``kept`` is a `Head`; see `phoenix_kernels.add_direction` for the others.
    """
    head = kept.parts
    phoenix_kernels.add_direction(mask, spectra, quiet, scale, features)
    bins, channels = mask.shape[0], features.shape[1]
    near = multiply(head.near, features.reshape(-1), channels, bins)
    gathered = np.empty((bins, head.far.inputs), np.float32)
    phoenix_kernels.gather_far(near, gathered)
    hidden = multiply(head.far, gathered.reshape(-1), head.far.inputs, bins)
    phoenix_kernels.rectify(hidden)
    return multiply(head.matrix, hidden.reshape(-1), head.matrix.inputs, bins)


@njit(inline="always")
def _take_in(level: Level, newest: ClockArray, depth: int) -> FloatArray:
    """Return the skip of the level's newest frame, [bin, channel]; it stays for the answer."""
    skip = _convolve(level.down, newest, depth)
    phoenix_kernels.keep_skip(skip, level.joined)
    return skip


@njit(inline="always")
def _is_due(level: Level, until_tick: ClockArray, depth: int) -> bool:
    """Whether this frame of the level above is one of the level's; time moves on."""
    is_due = until_tick[depth] == 0
    until_tick[depth] = (until_tick[depth] - 1) % level.apart
    return is_due


@njit(inline="always")
def _answer(level: Level) -> FloatArray:
    """Answer from the skip and the deeper level's newest answer: [bin / 2, (even, odd) * ...]."""
    joined = level.joined
    return multiply(level.up, joined.reshape(-1), joined.shape[1], level.down.rows)


@njit(inline="always")
def _convolve(taps: Taps, newest: ClockArray, which: int) -> FloatArray:
    """Convolve the newest frame and those before it: [row, out]; the next one has room."""
    slots, _, inputs = taps.frames.shape
    frames = taps.frames.reshape(slots, -1)
    step = taps.stride * inputs
    gathered = np.empty((taps.rows, taps.weights.inputs), np.float32)
    phoenix_kernels.gather_past(frames, newest[which], taps.dilation, step, gathered)
    newest[which] = (newest[which] + 1) % slots
    return multiply(taps.weights, gathered.reshape(-1), taps.weights.inputs, taps.rows)


@njit(inline="always")
def _pass_down(is_complex: bool, skip: FloatArray, padded: FloatArray) -> None:  # noqa: FBT001
    if is_complex:
        cassiopeia_kernels.pass_down(skip, padded)
    else:
        phoenix_kernels.pass_down(skip, padded)


@njit(inline="always")
def _pass_up(
    is_complex: bool,  # noqa: FBT001
    product: FloatArray,
    target: FloatArray,
    first: int,
    channel: int,
) -> None:
    if is_complex:
        cassiopeia_kernels.pass_up(product, target, first, channel)
    else:
        phoenix_kernels.pass_up(product, target, first, channel)
