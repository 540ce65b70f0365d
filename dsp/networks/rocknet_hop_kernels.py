"""A hop of the streaming U-Net in three kernels: down, up, and a step of the deep levels.

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
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray

    IndexArray = npt.NDArray[np.int64]

PADDING = 3
"""Empty bins of an encoder's input: one before, two after."""

_STRIDE = 2  # bins from one row of an encoder's convolution to the next


class Down(NamedTuple):
    """An encoder level: columns 0, 1, 2 of its output from the two edges and one final input.

    ``sums``, what awaits 1 to 4 more final columns, and the skip's inputs are what a stream
    remembers; all else is scratch.
    """

    final: Weights  # [frequency tap * in] -> [time tap * out]
    edges: Weights  # [frequency tap * (column 0, column 1) * in] -> [(column 0, 1) * out]
    bias: FloatArray  # [out], as the next two
    scale: FloatArray
    shift: FloatArray
    final_input: FloatArray  # [padded bin, in]
    edge_input: FloatArray  # [padded bin, 2, in]
    sums: FloatArray  # [slot, 4, bin / 2, out]
    skip_newer: FloatArray  # the decoder's inputs: where columns 0 and 1 go across
    skip_older: FloatArray  # and column 2
    next_final: FloatArray  # the next level's inputs, empty where there is none
    next_edges: FloatArray


class Up(NamedTuple):
    """A decoder block over one set of channels: its input columns and their products.

    ``newer`` holds columns 0 and 1, ``older`` the others; what comes out is rectified, normalised.
    """

    newer: Weights  # [column * in] -> [output column * frequency tap * out]
    older: Weights
    newer_input: FloatArray  # [bin, 2, in]
    older_input: FloatArray  # [bin, 1 or 2, in]
    scale: FloatArray  # [out], as the next
    shift: FloatArray


class Mask(NamedTuple):
    """The mask's layer: weights [channel, (column 1, 3, 5), frequency tap], bias, scratch."""

    weight: FloatArray
    bias: FloatArray
    columns: FloatArray  # [3, bin + 6]


class UNet(NamedTuple):
    """All levels and blocks; the shallow ones run at every hop, ``skips`` are their blocks.

    Of ``skips`` the first is the deepest, and of ``deep_ups``; the last of these multiplies what
    goes up to the shallow ones, which is held: ``held_newer`` and ``held_older``.
    """

    downs: tuple[Kept[Down], ...]
    skips: tuple[Kept[Up], ...]
    deep_downs: tuple[Kept[Down], ...]
    deep_ups: tuple[Kept[Up], ...]
    held_newer: FloatArray
    held_older: FloatArray
    mask: Mask


@hop_kernel
def descend(
    kept: Kept[UNet], slots: IndexArray, magnitudes: FloatArray, delayed: FloatArray
) -> None:
    """Compute the shallow levels' columns from the newest ``magnitudes`` [channel, bin].

    They are handed on, down and across. ``kept`` is a `UNet`; ``slots`` [level] are this hop's of
    the sums. ``delayed`` [bin / 2, channel] is level 0's column 2 until it is column 3.
    """
    downs = kept.parts.downs
    top = downs[0].parts
    for f in range(magnitudes.shape[1]):
        for c in range(magnitudes.shape[0]):
            top.final_input[f + 1, c] = magnitudes[c, f]
    # The newest frame sounds on for two more.
    product = _convolve(top.final, top.final_input)
    beside = np.empty((product.shape[0], 2 * top.bias.shape[0]), np.float32)
    kernels.repeat_newest(product, beside)
    _complete(top, top.sums[slots[0]], product, beside)
    kernels.delay(delayed, top.skip_older)
    for level in range(1, len(downs)):
        _descend(downs[level].parts, slots[level])


@hop_kernel
def take_deep_step(kept: Kept[UNet], slots: IndexArray, step: int) -> None:
    """Take one of the four steps of a refresh of the deep levels; ``slots`` are those of its hop.

    The first is taken right after the shallow levels, which have handed on what it hears.

    Two levels down, two blocks up. The last step writes what is held.
    """
    unet = kept.parts
    downs, ups = unet.deep_downs, unet.deep_ups
    if step < len(downs):
        _descend(downs[step].parts, slots[step])
        return
    stage = step - len(downs)
    block, above = ups[stage].parts, ups[stage + 1].parts
    newer, older = _products(block)
    _interleave(newer, older, block, above)
    if stage + 2 == len(ups):
        newer, older = _products(above)
        copy(newer, unet.held_newer)
        copy(older, unet.held_older)


@hop_kernel
def ascend(kept: Kept[UNet], mask: FloatArray) -> None:
    """Run the shallow blocks and the mask's layer into ``mask`` [channel, bin]."""
    unet = kept.parts
    ups = unet.skips
    block = ups[0].parts
    newer, older = _products(block)
    kernels.add_to_last(unet.held_newer, newer)
    kernels.add_to_last(unet.held_older, older)
    for stage in range(1, len(ups)):
        above = ups[stage].parts
        _interleave(newer, older, block, above)
        newer, older = _products(above)
        block = above
    weight, bias, columns = unet.mask
    kernels.finish_mask(newer, older, block.scale[0], block.shift[0], columns, weight, bias, mask)


@njit(inline="always")
def _descend(down: Down, slot: int) -> None:
    """Compute a level's columns: the final one, and the two that the edges reach."""
    edges = down.edge_input.reshape(down.edge_input.shape[0], -1)
    product = _convolve(down.final, down.final_input)
    _complete(down, down.sums[slot], product, _convolve(down.edges, edges))


@njit(inline="always")
def _complete(down: Down, sums: FloatArray, product: FloatArray, beside: FloatArray) -> None:
    across, below = (down.skip_newer, down.skip_older), (down.next_edges, down.next_final)
    affine = down.bias, down.scale, down.shift
    kernels.complete(product, beside, sums, *affine, *across, *below)


@njit(inline="always")
def _convolve(weights: Weights, padded: FloatArray) -> FloatArray:
    """Multiply a padded [frequency, ...] as the rows of a 5-tap convolution of stride 2."""
    bins, width = padded.shape
    return multiply(weights, padded.reshape(-1), _STRIDE * width, (bins - PADDING) // _STRIDE)


@njit(inline="always")
def _products(up: Up) -> tuple[FloatArray, FloatArray]:
    """Multiply the newer and the older columns, for ``kernels.interleave``."""
    bins, newer, older = up.newer_input.shape[0], up.newer, up.older
    return (
        multiply(newer, up.newer_input.reshape(-1), newer.inputs, bins),
        multiply(older, up.older_input.reshape(-1), older.inputs, bins),
    )


@njit(inline="always")
def _interleave(newer: FloatArray, older: FloatArray, of: Up, above: Up) -> None:
    kernels.interleave(newer, older, of.scale, of.shift, above.newer_input, above.older_input)
