"""A hop of the streaming U-Net in three kernels: down, up, and a step of the deep levels.

As calls from Python, some forty, it would take half as long again, and ask for the interpreter's
lock as often. Kernels in between are not cached by themselves: see `kernel_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import njit

from dsp.networks import rocknet_kernels as kernels
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.products import multiply

if TYPE_CHECKING:
    import numpy as np
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

    ``columns`` is before batch normalisation, as the skip connection is. ``sums``, what awaits 1 to
    4 more final columns, and the skip's inputs are what a stream remembers; all else is scratch.
    """

    final: Weights  # [frequency tap * in] -> [time tap * out]
    edges: Weights  # [frequency tap * (column 0, column 1) * in] -> [(column 0, 1) * out]
    bias: FloatArray  # [out], as the next two
    scale: FloatArray
    shift: FloatArray
    final_input: FloatArray  # [padded bin, in]
    edge_input: FloatArray  # [padded bin, 2, in]
    columns: FloatArray  # [3, bin / 2, out]
    sums: FloatArray  # [slot, 4, bin / 2, out]


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
    downs, skips = kept.parts.downs, kept.parts.skips
    top = downs[0].parts
    for f in range(magnitudes.shape[1]):
        for c in range(magnitudes.shape[0]):
            top.final_input[f + 1, c] = magnitudes[c, f]
    for level in range(len(downs)):
        down, skip = downs[level].parts, skips[len(downs) - 1 - level].parts
        if level == 0:
            _sound_on(down, down.sums[slots[level]])
            kernels.delay(down.columns[2], delayed, skip.older_input)
        else:
            _complete(down, down.sums[slots[level]])
        kernels.place_skips(down.columns, skip.newer_input, skip.older_input)
        if level + 1 < len(downs):
            _hand_on(down, downs[level + 1].parts)


@hop_kernel
def enter_deep(kept: Kept[UNet]) -> None:
    """Hand the deepest shallow level's columns to the deep levels: a refresh begins."""
    shallow = kept.parts.downs
    _hand_on(shallow[len(shallow) - 1].parts, kept.parts.deep_downs[0].parts)


@hop_kernel
def take_deep_step(kept: Kept[UNet], slots: IndexArray, step: int) -> None:
    """Take one of the four steps of a refresh of the deep levels; ``slots`` are those of its hop.

    Two levels down, two blocks up. The last step writes what is held.
    """
    unet = kept.parts
    downs, ups = unet.deep_downs, unet.deep_ups
    if step < len(downs):
        down, skip = downs[step].parts, ups[len(downs) - 1 - step].parts
        _complete(down, down.sums[slots[step]])
        kernels.place_skips(down.columns, skip.newer_input, skip.older_input)
        if step + 1 < len(downs):
            _hand_on(down, downs[step + 1].parts)
        return
    stage = step - len(downs)
    block, above = ups[stage].parts, ups[stage + 1].parts
    newer, older = _products(block)
    _interleave(newer, older, block, above)
    if stage + 2 == len(ups):
        newer, older = _products(above)
        kernels.hold(newer, unet.held_newer)
        kernels.hold(older, unet.held_older)


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
def _sound_on(down: Down, sums: FloatArray) -> None:
    """Complete level 0's columns, whose newest frame sounds on for two more."""
    product = _convolve(down.final, down.final_input)
    kernels.advance(product, sums, down.bias, down.columns[2])
    kernels.repeat_newest(product, sums, down.bias, down.columns)


@njit(inline="always")
def _complete(down: Down, sums: FloatArray) -> None:
    """Complete a level's columns: the final one, and the two that the edges reach."""
    kernels.advance(_convolve(down.final, down.final_input), sums, down.bias, down.columns[2])
    edges = down.edge_input.reshape(down.edge_input.shape[0], -1)
    kernels.add_edges(sums, _convolve(down.edges, edges), down.bias, down.columns)


@njit(inline="always")
def _convolve(weights: Weights, padded: FloatArray) -> FloatArray:
    """Multiply a padded [frequency, ...] as the rows of a 5-tap convolution of stride 2."""
    bins, width = padded.shape
    return multiply(weights, padded.reshape(-1), _STRIDE * width, (bins - PADDING) // _STRIDE)


@njit(inline="always")
def _hand_on(down: Down, below: Down) -> None:
    kernels.activate(down.columns, down.scale, down.shift, below.edge_input, below.final_input)


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
