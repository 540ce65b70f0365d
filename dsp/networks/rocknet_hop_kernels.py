"""A hop of the streaming U-Net as one kernel.

As calls from Python, some forty, it would take half as long again, and ask for the interpreter's
lock as often. Kernels in between are not cached by themselves: see `kernel_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from dsp.networks import rocknet_kernels as kernels
from dsp.networks.bfloat_products import empty_with_room, room_behind
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.lane_functions import copy
from dsp.networks.products import multiply

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.kept import Kept
    from dsp.networks.lanes import LaneArray
    from dsp.networks.products import Weights
    from dsp.networks.rocknet_state import UNetState
    from dsp.separator import FloatArray

    IndexArray = npt.NDArray[np.int64]

PADDING = 3
"""Empty bins of an encoder's input: one before, two after."""

BESIDE = 1
"""Empty bins before and behind a decoder's input."""

NEWER = 2
"""Input columns of a decoder block whose products make the first of its output columns."""

STRIDE = 2
"""Bins from one row of an encoder's convolution to the next."""

COLUMNS = 3
"""Of an encoder's input: 1, 2 and 0, of which 2 is final."""

MASK_COLUMNS = 3
MASK_REACH = 3
"""Columns of the mask's input, and its empty bins before and behind."""


class Down(NamedTuple):
    """An encoder level's weights: columns 0, 1, 2 of its output from those of its input.

    Time taps of the final column 2 that the edges 1 or 0 meet too are one product for both, so
    that each weight is read once. Of the first level's input all three columns are the same.
    """

    first: Weights  # time tap 0: [frequency tap * in] -> [out]
    odd: Weights  # time taps 1 and 3, of columns 1 and 2: -> [2 * out]
    even: Weights  # time taps 2 and 4, of columns 2 and 0
    bias: FloatArray  # [out], as the next two
    scale: FloatArray
    shift: FloatArray


class Up(NamedTuple):
    """A decoder block's products over one set of input channels; what comes out is rectified.

    Either an input bin is multiplied by all frequency taps, and what comes of it dealt out to its
    neighbours: ``newer`` maps columns 0 and 1 to the first output columns, ``older`` the others to
    the last ones, [output column * frequency tap * out] each. Or every output bin gathers what it
    is made of: ``even`` maps bins ``f - 1`` and ``f`` to bin ``2 f``, ``odd`` these and ``f + 1``
    to the one behind, [bin * column * in] -> [output column * out]. That has zeros where a time tap
    does not reach, and overlapping rows, but much less to write.
    """

    bins: int  # of its input, as the next two
    columns: int
    channels: int
    newer: Weights
    older: Weights
    even: Weights
    odd: Weights
    scale: FloatArray  # [out], as the next
    shift: FloatArray


class Mask(NamedTuple):
    """The mask's layer: weights [channel, (column 1, 3, 5), frequency tap], bias [channel]."""

    weight: FloatArray
    bias: FloatArray


class Blocks(NamedTuple):
    """All levels and blocks, which streams share; the shallow ones run at every hop.

    ``skips`` are the shallow blocks. Of these the first is the deepest, and of ``deep_ups``; the
    last of these multiplies what goes up to the shallow ones, which is held.
    """

    downs: tuple[Kept[Down], ...]
    skips: tuple[Kept[Up], ...]
    deep_downs: tuple[Kept[Down], ...]
    deep_ups: tuple[Kept[Up], ...]
    mask: Mask


class Plan(NamedTuple):
    """What is done at each hop of a cycle, [hop, ...]; then it repeats."""

    slots: IndexArray  # [hop, level] of the sums; of deep levels, those of the latest refresh
    delayed_slot: IndexArray  # [hop]
    first_step: IndexArray  # [hop]: of the latest refresh's steps, the first that is taken, and
    end_step: IndexArray  # the first that is not


class UNet(NamedTuple):
    """One stream's: all else that a hop needs it makes, and forgets."""

    blocks: Kept[Blocks]
    plan: Plan
    state: UNetState


@hop_kernel
def push(kept: Kept[UNet], magnitudes: FloatArray) -> FloatArray:
    """Return the newest frame's mask [channel, bin], from its ``magnitudes`` [channel, bin].

    ``kept`` is a `UNet`.
    """
    unet = kept.parts
    blocks, plan, state = unet.blocks.parts, unet.plan, unet.state
    downs, skips, kind = blocks.downs, blocks.skips, state.deepest.dtype
    hop = state.clock[0] % plan.slots.shape[0]
    state.clock[0] += 1
    across = (
        _empty_inputs(skips[0].parts, kind),
        _empty_inputs(skips[1].parts, kind),
        _empty_inputs(skips[2].parts, kind),
        _empty_inputs(skips[3].parts, kind),
    )
    columns = _empty_columns(1, magnitudes.shape[1], magnitudes.shape[0], kind)
    kernels.hear(magnitudes, columns[0])  # it sounds on for two more
    for level in range(len(downs)):
        slot = state.sums[level][plan.slots[hop, level]]
        below = _empty_columns(COLUMNS, slot.shape[1], slot.shape[2], kind)
        _descend(downs[level].parts, columns, slot, across[len(downs) - 1 - level], below)
        columns = below
    kernels.delay(state.delayed[plan.delayed_slot[hop]], across[-1])
    for step in range(plan.first_step[hop], plan.end_step[hop]):
        _take_deep_step(blocks, state, step, plan.slots[hop], columns)
    return _ascend(blocks, state, across)


@njit(inline="always")
def _take_deep_step(
    blocks: Blocks, state: UNetState, step: int, slots: IndexArray, columns: LaneArray
) -> None:
    """Run a deep level or block; ``columns`` come from above. The last renews what is held."""
    downs, ups, sums, deep = blocks.deep_downs, blocks.deep_ups, state.sums, state.deep_inputs
    if step == 0:
        level = len(blocks.downs)
        slot = sums[level][slots[level]]
        _descend(downs[0].parts, columns, slot, deep[1], state.deepest)
    elif step == 1:
        level = len(blocks.downs) + 1
        slot = sums[level][slots[level]]
        _descend(downs[1].parts, state.deepest, slot, deep[0], state.deepest[:0])
    elif step == 2:
        _rise(ups[0].parts, deep[0], deep[1])
    else:
        above = _empty_inputs(ups[2].parts, columns.dtype)
        _rise(ups[1].parts, deep[1], above)
        newer, older = _deal(ups[2].parts, above)
        copy(newer, state.held[0])
        copy(older, state.held[1])


@njit(inline="always")
def _ascend(blocks: Blocks, state: UNetState, across: tuple[LaneArray, ...]) -> FloatArray:
    """Run the shallow blocks, from their inputs, and the mask's layer."""
    ups, top = blocks.skips, blocks.mask
    block, last = ups[0].parts, len(ups) - 1
    newer, older = _deal(block, across[0])
    kernels.add_to_last(state.held[0], newer)
    kernels.add_to_last(state.held[1], older)
    kernels.interleave(newer, older, block.scale, block.shift, across[1])
    for stage in range(1, last):
        _rise(ups[stage].parts, across[stage], across[stage + 1])
    bins = 2 * ups[last].parts.bins
    columns = np.zeros((MASK_COLUMNS, bins + 2 * MASK_REACH), np.float32)
    _rise_to_mask(ups[last].parts, across[last], columns)
    mask = np.empty((top.bias.shape[0], bins), np.float32)
    kernels.make_mask(columns, top.weight, top.bias, mask)
    return mask


@njit(inline="always")
def _empty_columns(columns: int, bins: int, channels: int, kind: Any) -> LaneArray:
    """Make an encoder's input, [column, 1 + bin + 2, channel], of which the padding is zero."""
    shape = columns, bins + PADDING, channels
    room = room_behind(STRIDE * channels, bins // STRIDE)
    empty = empty_with_room(shape[0] * shape[1] * shape[2], kind, room).reshape(shape)
    empty[:, 0] = 0
    empty[:, bins + 1 :] = 0
    return empty


@njit(inline="always")
def _empty_inputs(up: Up, kind: Any) -> LaneArray:
    """Make a block's input, [1 + bin + 1, column, channel], of which the padding is zero."""
    shape = up.bins + 2 * BESIDE, up.columns, up.channels
    step = up.columns * up.channels
    empty = empty_with_room(shape[0] * step, kind, room_behind(step, up.bins)).reshape(shape)
    empty[0] = 0
    empty[up.bins + 1] = 0
    return empty


@njit(inline="always")
def _rise(up: Up, columns: LaneArray, above: LaneArray) -> None:
    """Run a block: from its input to that of the block above."""
    if up.even.inputs:
        even, odd = _gather(up, columns)
        kernels.weave(even, odd, up.scale, up.shift, above)
    else:
        newer, older = _deal(up, columns)
        kernels.interleave(newer, older, up.scale, up.shift, above)


@njit(inline="always")
def _rise_to_mask(up: Up, columns: LaneArray, above: FloatArray) -> None:
    """Run the last block."""
    if up.even.inputs:
        even, odd = _gather(up, columns)
        kernels.weave_last(even, odd, up.scale[0], up.shift[0], above)
    else:
        newer, older = _deal(up, columns)
        kernels.interleave_last(newer, older, up.scale[0], up.shift[0], above)


@njit(inline="always")
def _descend(
    down: Down, columns: LaneArray, slot: LaneArray, across: LaneArray, below: LaneArray
) -> None:
    """Compute a level's columns and hand them on, across and down.

    ``columns`` [(1, 2, 0), padded bin, in], or of the final one alone; ``slot`` [4, bin / 2, out]
    awaits 1 to 4 more final columns. ``below`` is empty where there is no level.
    """
    edge_and_final, final = columns[:2], columns[-2:]
    first = _convolve(down.first, final[:1])
    odd, even = _convolve(down.odd, edge_and_final), _convolve(down.even, final)
    kernels.complete(first, odd, even, slot, down.bias, down.scale, down.shift, across, below)


@njit(inline="always")
def _convolve(weights: Weights, columns: LaneArray) -> FloatArray:
    """Multiply columns [column, padded bin, in] as the rows of a 5-tap convolution of stride 2."""
    count, bins, width = columns.shape
    rows, apart = (bins - PADDING) // STRIDE, bins * width
    return multiply(weights, columns.reshape(-1), STRIDE * width, rows, count, apart)


@njit(inline="always")
def _deal(up: Up, columns: LaneArray) -> tuple[FloatArray, FloatArray]:
    """Multiply the newer and the older columns, for ``kernels.interleave``."""
    values, step = columns.reshape(-1), up.columns * up.channels
    return (
        multiply(up.newer, values[step:], step, up.bins),
        multiply(up.older, values[step + NEWER * up.channels :], step, up.bins),
    )


@njit(inline="always")
def _gather(up: Up, columns: LaneArray) -> tuple[FloatArray, FloatArray]:
    """Multiply what even and odd bins are made of, for ``kernels.weave``."""
    values, step = columns.reshape(-1), up.columns * up.channels
    return multiply(up.even, values, step, up.bins), multiply(up.odd, values, step, up.bins)
