"""A hop of the streaming U-Net as one kernel.

As calls from Python, some forty, it would take half as long again, and ask for the interpreter's
lock as often. Kernels in between are not cached by themselves: see `kernel_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from dsp.networks import rocknet_kernels as kernels
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.lane_functions import copy
from dsp.networks.products import multiply

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.kept import Kept
    from dsp.networks.lanes import LaneArray
    from dsp.networks.products import Weights
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


class Down(NamedTuple):
    """An encoder level: columns 0, 1, 2 of its output from those of its input.

    Time taps of the final column 2 that the edges 1 or 0 meet too are one product for both, so
    that each weight is read once. Of the first level's input all three are the same. ``sums``, what
    awaits 1 to 4 more final columns, and the skip's inputs are what a stream remembers; all else is
    scratch.
    """

    first: Weights  # time tap 0: [frequency tap * in] -> [out]
    odd: Weights  # time taps 1 and 3, of columns 1 and 2: -> [2 * out]
    even: Weights  # time taps 2 and 4, of columns 2 and 0
    bias: FloatArray  # [out], as the next two
    scale: FloatArray
    shift: FloatArray
    columns: LaneArray  # [(column 1, 2, 0), padded bin, in], or of the final one alone
    sums: LaneArray  # [slot, 4, bin / 2, out]
    across: LaneArray  # the decoder's inputs, which columns go to as they are
    below: LaneArray  # the next level's columns, empty where there is none


class Up(NamedTuple):
    """A decoder block over one set of channels: its products, in either way, and its input columns.

    See `rocknet_packed.PackedUp`. What comes out is rectified and normalised.
    """

    newer: Weights
    older: Weights
    even: Weights
    odd: Weights
    columns: LaneArray  # [1 + bin + 1, column, in]
    scale: FloatArray  # [out], as the next
    shift: FloatArray


class Mask(NamedTuple):
    """The mask's layer: weights [channel, (column 1, 3, 5), frequency tap], bias, scratch."""

    weight: FloatArray
    bias: FloatArray
    columns: FloatArray  # [3, bin + 6]


class Plan(NamedTuple):
    """What is done at each hop of a cycle, [hop, ...]; then it repeats."""

    slots: IndexArray  # [hop, level] of the sums; of deep levels, those of the latest refresh
    delayed_slot: IndexArray  # [hop]
    first_step: IndexArray  # [hop]: of the latest refresh's steps, the first that is taken, and
    end_step: IndexArray  # the first that is not


class UNet(NamedTuple):
    """All levels and blocks; the shallow ones run at every hop, ``skips`` are their blocks.

    Of ``skips`` the first is the deepest, and of ``deep_ups``; the last of these multiplies what
    goes up to the shallow ones, which is held: ``held_newer`` and ``held_older``.
    """

    clock: IndexArray  # [1], the index of the hop to come
    plan: Plan
    delayed: LaneArray  # [slot, bin / 2, channel], level 0's column 2 until it is column 3

    downs: tuple[Kept[Down], ...]
    skips: tuple[Kept[Up], ...]
    deep_downs: tuple[Kept[Down], ...]
    deep_ups: tuple[Kept[Up], ...]
    held_newer: LaneArray
    held_older: LaneArray
    mask: Mask


@hop_kernel
def push(kept: Kept[UNet], magnitudes: FloatArray, mask: FloatArray) -> None:
    """Map the newest frame's ``magnitudes`` [channel, bin] to its ``mask`` [channel, bin].

    ``kept`` is a `UNet`.
    """
    unet = kept.parts
    plan, downs = unet.plan, unet.downs
    hop = unet.clock[0] % plan.slots.shape[0]
    unet.clock[0] += 1
    top = downs[0].parts
    kernels.hear(magnitudes, top.columns[0])  # it sounds on for two more
    for level in range(len(downs)):
        _descend(downs[level].parts, plan.slots[hop, level])
    kernels.delay(unet.delayed[plan.delayed_slot[hop]], top.across)
    for step in range(plan.first_step[hop], plan.end_step[hop]):
        if step < len(unet.deep_downs):
            _descend(unet.deep_downs[step].parts, plan.slots[hop, len(downs) + step])
        else:
            _ascend_deep(unet, step - len(unet.deep_downs))
    _ascend(unet, mask)


@njit(inline="always")
def _ascend_deep(unet: UNet, stage: int) -> None:
    """Run a deep block; with the last one what is held is renewed."""
    ups = unet.deep_ups
    above = ups[stage + 1].parts
    _rise(ups[stage].parts, above.columns)
    if stage + 2 == len(ups):
        newer, older = _deal(above)
        copy(newer, unet.held_newer)
        copy(older, unet.held_older)


@njit(inline="always")
def _ascend(unet: UNet, mask: FloatArray) -> None:
    """Run the shallow blocks and the mask's layer."""
    ups = unet.skips
    block, last, top = ups[0].parts, len(ups) - 1, unet.mask
    newer, older = _deal(block)
    kernels.add_to_last(unet.held_newer, newer)
    kernels.add_to_last(unet.held_older, older)
    kernels.interleave(newer, older, block.scale, block.shift, ups[1].parts.columns)
    for stage in range(1, last):
        _rise(ups[stage].parts, ups[stage + 1].parts.columns)
    _rise_to_mask(ups[last].parts, top.columns)
    kernels.make_mask(top.columns, top.weight, top.bias, mask)


@njit(inline="always")
def _rise(up: Up, above: LaneArray) -> None:
    """Run a block: from its columns to those of the block above."""
    if up.even.inputs:
        even, odd = _gather(up)
        kernels.weave(even, odd, up.scale, up.shift, above)
    else:
        newer, older = _deal(up)
        kernels.interleave(newer, older, up.scale, up.shift, above)


@njit(inline="always")
def _rise_to_mask(up: Up, columns: FloatArray) -> None:
    """Run the last block."""
    if up.even.inputs:
        even, odd = _gather(up)
        kernels.weave_last(even, odd, up.scale[0], up.shift[0], columns)
    else:
        newer, older = _deal(up)
        kernels.interleave_last(newer, older, up.scale[0], up.shift[0], columns)


@njit(inline="always")
def _descend(down: Down, slot: int) -> None:
    """Compute a level's columns and hand them on."""
    edge_and_final, final = down.columns[:2], down.columns[-2:]
    first = _convolve(down.first, final[:1])
    odd, even = _convolve(down.odd, edge_and_final), _convolve(down.even, final)
    affine = down.bias, down.scale, down.shift
    kernels.complete(first, odd, even, down.sums[slot], *affine, down.across, down.below)


@njit(inline="always")
def _convolve(weights: Weights, columns: LaneArray) -> FloatArray:
    """Multiply columns [column, padded bin, in] as the rows of a 5-tap convolution of stride 2."""
    count, bins, width = columns.shape
    rows, apart = (bins - PADDING) // STRIDE, bins * width
    return multiply(weights, columns.reshape(-1), STRIDE * width, rows, count, apart)


@njit(inline="always")
def _deal(up: Up) -> tuple[FloatArray, FloatArray]:
    """Multiply the newer and the older columns, for ``kernels.interleave``."""
    padded_bins, columns, inputs = up.columns.shape
    values, step, bins = up.columns.reshape(-1), columns * inputs, padded_bins - 2 * BESIDE
    return (
        multiply(up.newer, values[step:], step, bins),
        multiply(up.older, values[step + NEWER * inputs :], step, bins),
    )


@njit(inline="always")
def _gather(up: Up) -> tuple[FloatArray, FloatArray]:
    """Multiply what even and odd bins are made of, for ``kernels.weave``."""
    padded_bins, columns, inputs = up.columns.shape
    values, step, bins = up.columns.reshape(-1), columns * inputs, padded_bins - 2 * BESIDE
    return multiply(up.even, values, step, bins), multiply(up.odd, values, step, bins)
