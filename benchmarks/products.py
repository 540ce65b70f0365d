"""The matrix products of a streaming step: which they are, and how fast this core could do them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from dsp.networks.packed_linear import PackedLinear

_SIDE = 768  # of the square matrices that show the core's rate: they fit the second cache
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Product:
    """One product as it was called for."""

    linear: PackedLinear
    rows: torch.Tensor  # [row, in]
    outputs: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows.numel() * self.outputs


def noted_products(run: Callable[[], object]) -> list[Product]:
    """Run, and note every product that was computed on the way."""
    noted: list[Product] = []
    call, add_to = PackedLinear.__call__, PackedLinear.add_to

    def note_call(self: PackedLinear, rows: torch.Tensor) -> torch.Tensor:
        result = call(self, rows)
        noted.append(Product(self, rows.clone(), result.shape[-1]))
        return result

    def note_add(self: PackedLinear, other: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        noted.append(Product(self, rows.clone(), other.shape[-1]))
        return add_to(self, other, rows)

    PackedLinear.__call__, PackedLinear.add_to = note_call, note_add  # type: ignore[method-assign]
    try:
        run()
    finally:
        PackedLinear.__call__, PackedLinear.add_to = call, add_to  # type: ignore[method-assign]
    return noted


def product_rate() -> float:
    """Operations per second of the best plain product on the calling thread, torch's own."""
    left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    return 2 * _SIDE**3 / best
