"""The matrix products of a streaming step: which they are, and how fast this core could do them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from numpy.lib.stride_tricks import sliding_window_view

from dsp.networks.float_linear import FloatLinear
from dsp.networks.quantised_linear import QuantisedLinear

if TYPE_CHECKING:
    from dsp.networks.linear import Linear
    from dsp.networks.rows import Rows
    from dsp.separator import FloatArray

_KINDS = (FloatLinear, QuantisedLinear)
_SIDE = 768  # of the square matrices that show the core's rate: they fit the second cache
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Product:
    """One product as it was called for."""

    linear: Linear
    rows: FloatArray  # [row, in]
    outputs: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows.size * self.outputs

    @property
    def is_quantised(self) -> bool:
        """Whether it multiplies bytes."""
        return isinstance(self.linear, QuantisedLinear)


def noted_products(run: Callable[[], object]) -> list[Product]:
    """Run, and note every product that was computed on the way."""
    noted: list[Product] = []
    with contextlib.ExitStack() as patches:
        for kind in _KINDS:
            patches.enter_context(_noting(kind, noted))
        run()
    return noted


def product_rate() -> float:
    """Operations per second of the best plain product on the calling thread, torch's own."""
    left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    return _rate(lambda: torch.mm(left, right))


def quantised_product_rate() -> float:
    """Operations per second of the same product of bytes, torch's own too."""
    scale, zero = torch.ones(_SIDE), torch.zeros(_SIDE, dtype=torch.int64)
    weight = torch.full((_SIDE, _SIDE), 100, dtype=torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(weight, [_SIDE, _SIDE])
    rows = torch.full((_SIDE, _SIDE), 200, dtype=torch.uint8)
    given: tuple[Any, ...] = (
        rows,
        1.0,
        0,
        packed,
        scale,
        zero,
        None,
        1.0,
        0,
        torch.float32,
        "none",
        [],
        "",
    )
    return _rate(lambda: torch.ops.onednn.qlinear_pointwise(*given))


def _rate(multiply: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        multiply()
        best = min(best, time.perf_counter() - started)
    return 2 * _SIDE**3 / best


@contextlib.contextmanager
def _noting(kind: type[Any], noted: list[Product]) -> Iterator[None]:
    """Have every product of a kind noted."""
    call = kind.__call__

    def note(self: Linear, rows: Rows) -> FloatArray:
        result: FloatArray = call(self, rows)
        seen = sliding_window_view(rows.values, self.inputs)[:: rows.step][: rows.row_count]
        noted.append(Product(self, seen.copy(), result.shape[-1]))
        return result

    kind.__call__ = note
    try:
        yield
    finally:
        kind.__call__ = call
