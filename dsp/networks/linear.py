"""In which arithmetic each of a network's products is computed, where a processor has several."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.products import has_halves, in_bytes, in_floats, in_halves

if TYPE_CHECKING:
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray

LEAST_QUANTISED = 2_500_000
LEAST_OUTPUTS = 64
"""Multiplications, and among them of each input, from which eight bits pay, quantising included.

What is smaller gains little, and is the layers next to the sound, whose precision counts most.
"""

LEAST_WEIGHTS = 200_000
LEAST_HALVED_OUTPUTS = 16
"""Where there is bfloat16 too: weights from which eight bits pay, for what counts then is how many
are read; and outputs from which bfloat16 pays, which always does if it saves gathering rows."""


class LinearKind(StrEnum):
    """How products are computed."""

    FLOAT32 = "float32"
    EIGHT_BITS = "eight-bits"  # the large ones, the others in bfloat16 or in 32 bits


def rows_type(kind: LinearKind) -> type[np.generic]:
    """Return the type of what is kept to be multiplied: float32, or uint16 for bfloat16.

    The latter where tiles read it as it lies.
    """
    return np.float32 if kind is LinearKind.FLOAT32 or not has_halves() else np.uint16


def arrange_linear(
    matrix: FloatArray,
    bias: FloatArray | None,
    row_count: int,
    kind: LinearKind,
    *,
    taps: int = 1,
    part_of: FloatArray | None = None,
) -> Weights:
    """Arrange ``matrix`` [out, in] for products of about ``row_count`` rows, of the given kind.

    ``taps``: in how many pieces a row lies, if that product can read it so. ``part_of``: the matrix
    of which this is a part and whose arithmetic it shares.
    """
    outputs, size = matrix.shape[0], (matrix if part_of is None else part_of).size
    if kind is LinearKind.FLOAT32:
        return in_floats(matrix, bias)
    if has_halves():
        if size >= LEAST_WEIGHTS:
            return in_bytes(matrix, bias)
        if outputs >= LEAST_HALVED_OUTPUTS or taps > 1:
            return in_halves(matrix, bias, taps)
    elif row_count * size >= LEAST_QUANTISED and outputs >= LEAST_OUTPUTS:
        return in_bytes(matrix, bias)
    return in_floats(matrix, bias)
