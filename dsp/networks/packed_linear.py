"""A matrix product whose weights are packed once, for a few rows at a time.

A plain product re-packs its weights at every call: for some tens of rows that costs as much as
the product itself. oneDNN's packed form runs at the speed of the arithmetic, but PyTorch offers it
under a private name only, so that this file alone knows it and falls back on the public product.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class LinearKind(StrEnum):
    """How products are computed."""

    ONEDNN_PACKED = "onednn-packed"
    PLAIN = "plain"
    EIGHT_BITS = "eight-bits"  # the large ones, see `linear`; the others packed


def available_kind() -> LinearKind:
    """Return the packed form where this torch and this processor have it, else the plain one."""
    operators = ("_reorder_linear_weight", "_linear_pointwise")
    there = all(hasattr(torch.ops.mkldnn, name) for name in operators)
    return LinearKind.ONEDNN_PACKED if there and _packs() else LinearKind.PLAIN


def _packs() -> bool:
    """Try the operators once: a build without oneDNN has them, but they raise."""
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(torch.eye(4), 2)  # noqa: SLF001
        one = torch.ops.mkldnn._linear_pointwise(torch.ones(2, 4), packed, None, "none", [], "")  # noqa: SLF001
    except (RuntimeError, NotImplementedError):
        return False
    return bool(torch.equal(one, torch.ones(2, 4)))


class PackedLinear:
    """``rows @ weight.T + bias``, with ``weight`` [out, in] packed for ``row_count`` rows.

    Any number of rows is accepted; ``row_count`` only chooses the layout. Immutable: threads may
    share one. ``kind`` says how products are computed.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, row_count: int, kind: LinearKind | None = None
    ) -> None:
        self.kind = kind or available_kind()
        self._bias = bias
        self._weight = weight.contiguous()
        if self.kind is LinearKind.ONEDNN_PACKED:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight, row_count)  # noqa: SLF001

    def __call__(self, rows: Tensor) -> Tensor:
        """Map [row, in], strided as it may be, to a new contiguous [row, out]."""
        if self.kind is LinearKind.PLAIN:
            return functional.linear(rows, self._weight, self._bias)
        return torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001
            rows, self._weight, self._bias, "none", [], ""
        )

    def add_to(self, other: Tensor, rows: Tensor) -> Tensor:
        """Return ``other + self(rows)`` as a new tensor; ``other`` is [row, out], contiguous."""
        if self.kind is LinearKind.PLAIN:
            return functional.linear(rows, self._weight, self._bias).add_(other)
        return torch.ops.mkldnn._linear_pointwise.binary(  # noqa: SLF001
            rows, other, self._weight, self._bias, "add"
        )
