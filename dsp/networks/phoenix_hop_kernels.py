"""A hop of Phoenix as one kernel.

As calls from Python, some forty, it would take half as long again, and ask for the interpreter's
lock as often. Kernels in between are not cached by themselves: see `kernel_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from dsp.networks import aligned, cassiopeia_kernels, phoenix_kernels
from dsp.networks.bfloat_products import room_behind
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.lane_functions import copy, to_hyperbolic_tangent, to_logistic
from dsp.networks.phoenix_shape import BINS, LEAST_MAGNITUDE, LEVEL_SCALE, QUIET, USUAL_MAGNITUDE
from dsp.networks.products import multiply, multiply_taps

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.kept import Kept
    from dsp.networks.lanes import LaneArray
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray

    ClockArray = npt.NDArray[np.int64]

NEAR_REACH = 2
"""Empty rows of the features before the first bin and after the last one."""

UP_TAPS = 3
"""Bins that a row of an up-convolution reads."""

_PHASES = 2  # even bins, odd bins


class Taps(NamedTuple):
    """A causal convolution: its weights, and the frames that it still looks at, as a ring.

    Where there is a ``past``, that is multiplied in some hop before the frame that needs it.
    """

    weights: Weights  # [time tap, newest first * bin tap * in] -> [out]
    past: Weights  # likewise, of all time taps but the newest; no inputs: they are in ``weights``
    ring: LaneArray  # [slot, padded bin * in, or some more], as products read it; padding is zero
    dilation: int  # frames between two time taps
    stride: int  # bins from one row to the next
    rows: int
    bin_taps: int
    inputs: int  # channels of a bin
    from_past: FloatArray  # [row, out], the product of the past for the next frame


class Level(NamedTuple):
    """One level of the trunk, down and up."""

    apart: int  # ticks of the level above between two of its own
    period: int  # frames between them
    down: Taps
    up: Weights  # [3 bins * joined channels] -> [(even, odd) * answer]
    joined: LaneArray  # [1 + bin + 1, channel]: its skip beside the deeper level's newest answer


class Trunk(NamedTuple):
    """All levels, the mask's convolution, and where they are in time, which a frame moves on."""

    levels: tuple[Kept[Level], ...]
    mask: Taps
    newest: (
        ClockArray  # [level + 2], the slot of each level's newest frame, the mask's, the middle's
    )
    until_tick: ClockArray  # [level], in ticks of the level above
    until_past: ClockArray  # [level], in frames, until its past is multiplied
    is_complex: bool  # channels are (real, imaginary), as Cassiopeia's
    middle: ComplexArray  # [frame, bin], what that compares a frame's phase with; empty otherwise


class Head(NamedTuple):
    """The head's three layers; ``far`` reads its taps as one row."""

    near: Weights
    far: Weights
    matrix: Weights


class Phoenix(NamedTuple):
    """Trunk and head."""

    trunk: Kept[Trunk]
    head: Head


@hop_kernel
def push(kept: Kept[Phoenix], heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
    """Filter the next frame, ``spectra``; both are [channel 2, bin], through either window.

    ``kept`` is a `Phoenix`.
    """
    return take_step(kept.parts, heard, spectra)


@njit(inline="always")
def take_step(phoenix: Phoenix, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
    """Do so, within a kernel."""
    features = empty_features(phoenix.head)
    mask = listen(phoenix.trunk, heard, features)
    return filter_frame(phoenix.head, mask, spectra, features)


@njit(inline="always")
def empty_features(head: Head) -> FloatArray:
    """Make what a head reads: [2 + bin + 2, channel], of which the padding is zero."""
    bins, channels = BINS + 2 * NEAR_REACH, head.near.inputs // (2 * NEAR_REACH + 1)
    features = aligned.empty(bins * channels, np.float32).reshape(bins, channels)
    features[:NEAR_REACH] = 0.0
    features[bins - NEAR_REACH :] = 0.0
    return features


@hop_kernel
def listen(kept: Kept[Trunk], heard: ComplexArray, features: FloatArray) -> FloatArray:
    """Answer the next frame, ``heard`` [channel 2, bin]: its mask [bin, channel 2].

    ``kept`` is a `Trunk`. The answer itself goes to the first channels of ``features``, which are
    the head's.
    """
    trunk = kept.parts
    levels, newest = trunk.levels, trunk.newest
    _hear(trunk, heard, _frame_to_come(levels[0].parts.down, newest[0]))
    deepest = 0
    skip = _take_in(levels[0].parts, newest, 0)
    while deepest + 1 < len(levels) and _is_due(trunk, deepest + 1):
        deepest += 1
        level = levels[deepest].parts
        _pass_down(trunk.is_complex, skip, _frame_to_come(level.down, newest[deepest]))
        skip = _take_in(level, newest, deepest)
    answer = _answer(levels[deepest].parts)
    for depth in range(deepest - 1, -1, -1):
        level = levels[depth].parts
        skip_channels = level.down.weights.outputs
        _pass_up(trunk.is_complex, answer, level.joined, UP_TAPS // 2, skip_channels)
        answer = _answer(level)
    pairs = _frame_to_come(trunk.mask, newest[len(levels)])
    bins = pairs.reshape(_PHASES * pairs.shape[0], pairs.shape[1] // _PHASES)
    padding = (pairs.shape[0] - trunk.mask.rows) // 2 * _PHASES
    _pass_up(trunk.is_complex, answer, bins, padding, 0)
    _pass_up(trunk.is_complex, answer, features, NEAR_REACH, 0)
    for depth in range(len(levels)):
        if trunk.until_past[depth] == 0:
            _multiply_past(levels[depth].parts.down, newest[depth])
        trunk.until_past[depth] -= 1
    mask = _convolve(trunk.mask, newest, len(levels))
    to_logistic(mask)
    return mask.reshape(_PHASES * mask.shape[0], mask.shape[1] // _PHASES)


@njit(inline="always")
def filter_frame(
    head: Head,
    mask: FloatArray,
    spectra: ComplexArray,
    features: FloatArray,
) -> ComplexArray:
    """Filter ``spectra`` [channel 2, bin]; the trunk has written its ``features``.

    ``mask`` [bin, channel 2].
    """
    phoenix_kernels.add_direction(mask, spectra, QUIET, LEVEL_SCALE, features)
    bins, channels = mask.shape[0], features.shape[1]
    near = multiply(head.near, features.reshape(-1), channels, bins)
    phoenix_kernels.rectify(near)
    hidden = _multiply_far(head.far, near)
    phoenix_kernels.rectify(hidden)
    matrix = multiply(head.matrix, hidden.reshape(-1), head.matrix.inputs, bins)
    to_hyperbolic_tangent(matrix)
    filtered = np.empty(spectra.shape, np.complex64)
    phoenix_kernels.apply(matrix, mask, spectra, filtered)
    return filtered


@njit(inline="always")
def _multiply_far(far: Weights, near: FloatArray) -> FloatArray:
    """Convolve ``near`` [bin, channel] with dilated taps: [bin, out]."""
    bins, channels = near.shape
    if far.are_halved:
        reach = phoenix_kernels.FAR_REACH
        room = room_behind(channels, bins)
        halves = aligned.empty((bins + 2 * reach) * channels + room, np.uint16)
        phoenix_kernels.halve_between(near, reach, halves)
        offsets = np.arange(0, (2 * reach + 1) * channels, phoenix_kernels.FAR_DILATION * channels)
        return multiply_taps(far, halves, offsets, channels, bins)
    gathered = aligned.empty(bins * far.inputs, np.float32).reshape(bins, far.inputs)
    phoenix_kernels.gather_far(near, gathered)
    return multiply(far, gathered.reshape(-1), far.inputs, bins)


@njit(inline="always")
def _take_in(level: Level, newest: ClockArray, depth: int) -> FloatArray:
    """Return the skip of the level's newest frame, [bin, channel]; it stays for the answer."""
    skip = _convolve(level.down, newest, depth)
    phoenix_kernels.keep_skip(skip, level.joined)
    return skip


@njit(inline="always")
def _is_due(trunk: Trunk, depth: int) -> bool:
    """Whether this frame of the level above is one of the level's; time moves on."""
    level = trunk.levels[depth].parts
    is_due = trunk.until_tick[depth] == 0
    trunk.until_tick[depth] = (trunk.until_tick[depth] - 1) % level.apart
    if is_due and level.down.past.inputs:
        # Half-way to its next tick, and one on: there the joined network has no other deep level.
        trunk.until_past[depth] = min(level.period // 2 + 1, level.period - 1)
    return is_due


@njit(inline="always")
def _answer(level: Level) -> FloatArray:
    """Answer from the skip and the deeper level's newest answer: [bin / 2, (even, odd) * ...]."""
    joined = level.joined
    return multiply(level.up, joined.reshape(-1), joined.shape[1], level.down.rows)


@njit(inline="always")
def _frame_to_come(taps: Taps, slot: int) -> LaneArray:
    """Return where a frame goes, [padded bin, in]."""
    bins = (taps.rows - 1) * taps.stride + taps.bin_taps
    return taps.ring[slot, : bins * taps.inputs].reshape(bins, taps.inputs)


@njit(inline="always")
def _convolve(taps: Taps, newest: ClockArray, which: int) -> FloatArray:
    """Convolve the newest frame, which has come, and those before it: [row, out]; move on."""
    slot = newest[which]
    product = _multiply_frames(taps, taps.weights, slot)
    newest[which] = (slot + 1) % taps.ring.shape[0]
    if taps.past.inputs:
        phoenix_kernels.add(taps.from_past, product)
    return product


@njit(inline="always")
def _multiply_past(taps: Taps, next_slot: int) -> None:
    """Multiply what the next frame, which goes to that slot, will find of those before it."""
    past = _multiply_frames(taps, taps.past, next_slot - taps.dilation)
    copy(past, taps.from_past)


@njit(inline="always")
def _multiply_frames(taps: Taps, weights: Weights, slot: int) -> FloatArray:
    """Multiply the frame in a slot, and as many before it as there are weights for: [row, out]."""
    ring = taps.ring
    step, width = taps.stride * taps.inputs, taps.bin_taps * taps.inputs
    if weights.are_halved:
        offsets = np.empty(weights.inputs // width, np.int64)
        for tap in range(offsets.shape[0]):
            offsets[tap] = (slot - tap * taps.dilation) % ring.shape[0] * ring.shape[1]
        return multiply_taps(weights, ring.reshape(-1), offsets, step, taps.rows)
    gathered = aligned.empty(taps.rows * weights.inputs, ring.dtype)
    gathered = gathered.reshape(taps.rows, weights.inputs)
    phoenix_kernels.gather_past(ring, slot, taps.dilation, step, width, gathered)
    return multiply(weights, gathered.reshape(-1), weights.inputs, taps.rows)


@njit(inline="always")
def _hear(trunk: Trunk, heard: ComplexArray, frame: LaneArray) -> None:
    """Write what is heard of a frame to the first level's input."""
    padded = np.zeros(frame.shape, np.float32)
    if trunk.is_complex:
        before = trunk.middle[trunk.newest[len(trunk.levels) + 1]]
        cassiopeia_kernels.hear(heard, before, 1.0 / USUAL_MAGNITUDE, LEAST_MAGNITUDE, padded)
        trunk.newest[len(trunk.levels) + 1] += 1
        trunk.newest[len(trunk.levels) + 1] %= trunk.middle.shape[0]
    else:
        phoenix_kernels.hear(heard, 1.0 / USUAL_MAGNITUDE, padded)
    copy(padded, frame)


@njit(inline="always")
def _pass_down(is_complex: bool, skip: FloatArray, padded: LaneArray) -> None:  # noqa: FBT001
    if is_complex:
        cassiopeia_kernels.pass_down(skip, padded)
    else:
        phoenix_kernels.pass_down(skip, padded)


@njit(inline="always")
def _pass_up(
    is_complex: bool,  # noqa: FBT001
    product: FloatArray,
    target: LaneArray,
    first: int,
    channel: int,
) -> None:
    if is_complex:
        cassiopeia_kernels.pass_up(product, target, first, channel)
    else:
        phoenix_kernels.pass_up(product, target, first, channel)
