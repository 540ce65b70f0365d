"""Which of a network's products are computed in eight bits, where a processor has them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dsp.networks.products import in_bytes, in_floats

if TYPE_CHECKING:
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray

LEAST_QUANTISED = 2_500_000
LEAST_OUTPUTS = 64
"""Multiplications, and among them of each input, from which eight bits pay, quantising included.

What is smaller gains little, and is the layers next to the sound, whose precision counts most.
"""


class LinearKind(StrEnum):
    """How products are computed."""

    FLOAT32 = "float32"
    EIGHT_BITS = "eight-bits"  # the large ones, the others in 32 bits


def arrange_linear(
    matrix: FloatArray, bias: FloatArray | None, row_count: int, kind: LinearKind
) -> Weights:
    """Arrange ``matrix`` [out, in] for products of about ``row_count`` rows, of the given kind."""
    is_large = row_count * matrix.size >= LEAST_QUANTISED
    in_eight = kind is LinearKind.EIGHT_BITS and is_large and matrix.shape[0] >= LEAST_OUTPUTS
    arrange = in_bytes if in_eight else in_floats
    return arrange(matrix, bias)
