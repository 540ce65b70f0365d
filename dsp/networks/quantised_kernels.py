"""Rows of floats to bytes, each row on its own scale, and products of bytes back to floats.

Flat; vectorised by the compiler, as one plain look at the extremes of floats would not be. They
keep the interpreter's lock for their few microseconds (docs/overload.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.separator import FloatArray

    ByteArray = npt.NDArray[np.uint8]

LARGEST_BYTE = np.float32(255.0)
LEAST_EXTENT = np.float32(1e-30)
"""A row that varies by less counts as constant; its inverse would be beyond float32."""

_ALL_BUT_SIGN = np.int32(0x7FFFFFFF)
_SIGN_SHIFT = np.int32(31)


@njit(cache=True)
def quantise_rows(
    values: FloatArray, step: int, rows: ByteArray, scale: FloatArray, offset: FloatArray
) -> None:
    """Write each row as bytes times its ``scale`` plus its ``offset``: its own extremes, evenly.

    Row ``r`` of ``rows`` [row, width] is of ``values[r * step : r * step + width]``, which must be
    finite; ``scale`` and ``offset`` [row] are written.
    """
    count, width = rows.shape
    extremes = np.empty(2, np.float32)
    for r in range(count):
        row, quantised = values[r * step : r * step + width], rows[r]
        _find_extremes(row.view(np.int32), extremes.view(np.int32))
        lowest, extent = extremes[0], extremes[1] - extremes[0]
        steps = LARGEST_BYTE / extent if extent > LEAST_EXTENT else np.float32(0.0)
        for k in range(width):
            quantised[k] = np.uint8(np.int32((row[k] - lowest) * steps + np.float32(0.5)))
        scale[r] = extent / LARGEST_BYTE
        offset[r] = lowest


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


@njit(cache=True)
def restore_rows(
    product: FloatArray, scale: FloatArray, offset: FloatArray, sums: FloatArray, bias: FloatArray
) -> None:
    """Make a product of bytes, in place, that of the rows that they stand for; add the bias.

    ``product`` [row, out], ``scale`` and ``offset`` [row]; ``sums`` [out] are the weights' sums
    over their inputs, ``bias`` [out].
    """
    rows, width = product.shape
    for r in range(rows):
        row, by, beyond = product[r], scale[r], offset[r]
        for n in range(width):
            row[n] = row[n] * by + beyond * sums[n] + bias[n]
