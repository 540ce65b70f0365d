"""The products of a streaming step: in 32 bits, or in eight where that pays."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from dsp.networks.float_linear import FloatLinear
from dsp.networks.quantised_linear import QuantisedLinear

if TYPE_CHECKING:
    from torch import Tensor

    from dsp.networks.rows import Rows
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


class Linear(Protocol):
    """``rows @ weight.T + bias``; immutable, so that streams may share it."""

    outputs: int
    inputs: int

    def __call__(self, rows: Rows) -> FloatArray:
        """Return a new [row, out]."""
        ...


def make_linear(weight: Tensor, bias: Tensor | None, row_count: int, kind: LinearKind) -> Linear:
    """Arrange ``weight`` [out, in] for products of about ``row_count`` rows, of the given kind."""
    is_large = row_count * weight.numel() >= LEAST_QUANTISED
    if kind is LinearKind.EIGHT_BITS and is_large and weight.shape[0] >= LEAST_OUTPUTS:
        return QuantisedLinear(weight, bias)
    return FloatLinear(weight, bias)
