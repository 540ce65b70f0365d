"""The products of a streaming step: which are worth a library's call, and which eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dsp.networks.packed_linear import LinearKind, PackedLinear, available_kind
from dsp.networks.quantised_linear import QuantisedLinear
from dsp.networks.small_linear import SmallLinear

if TYPE_CHECKING:
    from torch import Tensor

LEAST_QUANTISED = 2_500_000
LEAST_OUTPUTS = 64
"""Multiplications, and among them of each input, from which eight bits pay, quantising included.

What is smaller gains little, and is the layers next to the sound, whose precision counts most.
"""

LEAST_PACKED = 4_000_000
"""Multiplications beside which the fixed cost of calling a library, some 15 us, is small."""


class Linear(Protocol):
    """``rows @ weight.T + bias``; immutable, so that streams may share it."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Map [row, in], strided as it may be, to a new contiguous [row, out]."""
        ...

    def add_to(self, other: Tensor, rows: Tensor) -> Tensor:
        """Return ``other + self(rows)`` as a new tensor; ``other`` is [row, out], contiguous."""
        ...


def make_linear(weight: Tensor, bias: Tensor | None, row_count: int, kind: LinearKind) -> Linear:
    """Arrange ``weight`` [out, in] for products of ``row_count`` rows, of the given kind."""
    if kind is LinearKind.PLAIN:
        return PackedLinear(weight, bias, row_count, kind)
    multiplications = row_count * weight.numel()
    if kind is LinearKind.EIGHT_BITS:
        if multiplications >= LEAST_QUANTISED and weight.shape[0] >= LEAST_OUTPUTS:
            return QuantisedLinear(weight, bias)
        kind = available_kind()
    if multiplications < LEAST_PACKED:
        return SmallLinear(weight, bias)
    return PackedLinear(weight, bias, row_count, kind)
