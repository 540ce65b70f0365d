"""The products of a streaming step: which of them are worth packing, and which eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from dsp.networks.packed_linear import LinearKind, PackedLinear
from dsp.networks.quantised_linear import QuantisedLinear

if TYPE_CHECKING:
    from torch import Tensor

LEAST_QUANTISED = 4_000_000
"""Multiplications from which eight bits pay, quantising included: some 80 us in 32 bits.

What is smaller gains little, and is the layers next to the sound, whose precision counts most.
Where a processor is quick enough for the call itself to count, they are better not packed either.
"""


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
    if row_count * weight.numel() < LEAST_QUANTISED:
        return PackedLinear(weight, bias, row_count, kind_of_small())
    if kind is LinearKind.ONEDNN_INT8:
        return QuantisedLinear(weight, bias, row_count)
    return PackedLinear(weight, bias, row_count, kind)


def kind_of_small() -> LinearKind:
    """Return how small products are best computed here: by the processor alone, never by a clock.

    A packed product begins after some 15 us, a plain one after 2. On processors with AMX that is
    a third to a half of a small one; on older ones packing saves more than it costs.
    """
    has_amx = torch.cpu._is_amx_tile_supported()  # noqa: SLF001
    return LinearKind.PLAIN if has_amx else LinearKind.ONEDNN_PACKED
