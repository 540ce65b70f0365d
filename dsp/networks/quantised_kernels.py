"""Products in eight bits: rows of floats to bytes, each on its own scale, and their sums to floats.

Flat; what no intrinsic does is vectorised by the compiler, as one plain look at the extremes of
floats would not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from dsp.networks.byte_blocks import (
    DEPTH,
    FEW_ROWS,
    OUTPUTS,
    ROWS,
    Instructions,
    add_up,
    begin,
    end,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.separator import FloatArray

    ByteArray = npt.NDArray[np.uint8]
    WeightArray = npt.NDArray[np.int8]

LARGEST_BYTE = np.float32(255.0)
LEAST_EXTENT = np.float32(1e-30)
"""A row that varies by less counts as constant; its inverse would be beyond float32."""

ROWS_AT_ONCE = 512
"""Rows whose bytes stay in the second cache while all weights pass by."""

_ALL_BUT_SIGN = np.int32(0x7FFFFFFF)
_SIGN_SHIFT = np.int32(31)


@njit(cache=True)
def quantise_rows(
    values: FloatArray, step: int, inputs: int, quantised: ByteArray, scales: FloatArray
) -> None:
    """Write each row as bytes times a scale plus an offset: its own extremes, evenly.

    Row ``r``, as many as ``scales`` [(scale, offset), row] has room for, is of
    ``values[r * step : r * step + inputs]``, which must be finite. ``quantised`` [row, inputs or
    more].
    """
    extremes = np.empty(2, np.float32)
    for r in range(scales.shape[1]):
        row, steps_of_row = values[r * step : r * step + inputs], quantised[r, :inputs]
        _find_extremes(row.view(np.int32), extremes.view(np.int32))
        lowest, extent = extremes[0], extremes[1] - extremes[0]
        steps = LARGEST_BYTE / extent if extent > LEAST_EXTENT else np.float32(0.0)
        for k in range(inputs):
            steps_of_row[k] = np.uint8(np.int32((row[k] - lowest) * steps + np.float32(0.5)))
        scales[0, r], scales[1, r] = extent / LARGEST_BYTE, lowest


@njit(cache=True)
def _find_extremes(bits: npt.NDArray[np.int32], extremes: npt.NDArray[np.int32]) -> None:
    """Find the lowest and the highest of some floats, given by their bits, and so returned.

    With all other bits turned over where the sign is set, floats are in the order of integers;
    doing it again undoes it.
    """
    lowest, highest = np.int32(2**31 - 1), np.int32(-(2**31))
    for k in range(bits.shape[0]):
        key = np.int32(bits[k] ^ ((bits[k] >> _SIGN_SHIFT) & _ALL_BUT_SIGN))
        lowest = min(lowest, key)
        highest = max(highest, key)
    extremes[0] = np.int32(lowest ^ ((lowest >> _SIGN_SHIFT) & _ALL_BUT_SIGN))
    extremes[1] = np.int32(highest ^ ((highest >> _SIGN_SHIFT) & _ALL_BUT_SIGN))


def _multiplication(instructions: int) -> Any:
    """Compile the product for some instructions."""

    @njit(cache=True, nogil=True)
    def multiply(  # noqa: PLR0917 - Numba takes arrays by position
        values: FloatArray,
        step: int,
        inputs: int,
        weights: WeightArray,
        affine: FloatArray,
        product: FloatArray,
    ) -> None:
        """Write ``product`` [row, out], a multiple of ``OUTPUTS``, of rows that may overlap.

        Row ``r`` is ``values[r * step : r * step + inputs]`` and must be finite. ``weights`` are as
        ``byte_blocks.arrange`` has them. ``affine`` [3, out]: what one step of a weight is worth,
        the sum of an output's weights, its bias.
        """
        depth = weights.shape[1] * DEPTH
        at_once = min(product.shape[0], ROWS_AT_ONCE)
        quantised = np.zeros((-(-at_once // ROWS) * ROWS, depth), np.uint8)
        scales = np.empty((2, at_once), np.float32)
        sums = np.empty((ROWS, OUTPUTS), np.int32)
        flat, blocks = quantised.reshape(-1), weights.reshape(-1)
        begin(instructions)
        for first in range(0, product.shape[0], ROWS_AT_ONCE):
            some = product[first : first + ROWS_AT_ONCE]
            quantise_rows(
                values[first * step :], step, inputs, quantised, scales[:, : some.shape[0]]
            )
            for block in range(weights.shape[0]):
                at = block * OUTPUTS * depth
                for r in range(0, some.shape[0], ROWS):
                    if some.shape[0] - r > FEW_ROWS:
                        add_up(instructions, ROWS, flat, r * depth, depth, blocks, at, sums)
                    else:
                        add_up(instructions, FEW_ROWS, flat, r * depth, depth, blocks, at, sums)
                    _restore(sums, scales[:, r:], affine, block * OUTPUTS, some[r : r + ROWS])
        end(instructions)

    return multiply


MULTIPLY = {instructions: _multiplication(int(instructions)) for instructions in Instructions}


@njit(cache=True)
def _restore(
    sums: npt.NDArray[np.int32],
    scales: FloatArray,
    affine: FloatArray,
    output: int,
    product: FloatArray,
) -> None:
    """Write a block of sums of bytes, from ``output`` on, as what they stand for."""
    step, total, bias = affine[0, output:], affine[1, output:], affine[2, output:]
    for r in range(min(product.shape[0], ROWS)):
        by, beyond = scales[0, r], scales[1, r]
        row, found = product[r, output:], sums[r]
        for n in range(OUTPUTS):
            row[n] = np.float32(found[n]) * step[n] * by + beyond * total[n] + bias[n]
