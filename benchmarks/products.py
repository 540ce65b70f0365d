"""The matrix products of a streaming step: which they are, and how fast this core could do them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import numpy as np
import torch
from numba.core.dispatcher import Dispatcher
from numpy.lib.stride_tricks import sliding_window_view

from dsp.networks import (
    joined_hop_kernels,
    live_hop_kernels,
    phoenix_hop_kernels,
    rocknet_hop_kernels,
)
from dsp.networks.products import multiply, multiply_taps

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.networks.products import OffsetArray, Weights
    from dsp.separator import FloatArray

_HOPS = (live_hop_kernels, joined_hop_kernels, phoenix_hop_kernels, rocknet_hop_kernels)
_SIDE = 768  # of the square matrices that show the core's rate: they fit the second cache
_READ_BYTES = 1 << 28  # several times what the third cache of a large server has
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Product:
    """One product as it was called for."""

    weights: Weights
    rows: FloatArray  # [row, in]

    @property
    def weight_bytes(self) -> int:
        """What must be read of its weights."""
        of = self.weights.arranged
        return of.floats.nbytes + of.halves.nbytes + of.bytes.nbytes

    @property
    def operations(self) -> int:
        """Multiplications and additions; what is multiplied by zero is not of the network."""
        of = self.weights.arranged
        arrays = of.floats, of.halves, of.bytes
        return 2 * len(self.rows) * sum(int(np.count_nonzero(array)) for array in arrays)


def noted_products(run: Callable[[], object]) -> list[Product]:
    """Run, and note every product that a hop's kernels compute on the way, themselves in Python."""
    noted: list[Product] = []

    def note(  # noqa: PLR0917 - as kernels call it
        weights: Weights,
        values: LaneArray,
        step: int,
        row_count: int,
        groups: int = 1,
        apart: int = 0,
    ) -> FloatArray:
        window = sliding_window_view(_in_floats(values), weights.inputs)
        seen = [window[g * apart :: step][:row_count] for g in range(groups)]
        noted.append(Product(weights, np.concatenate(seen)))
        return multiply(weights, values, step, row_count, groups, apart)

    def note_taps(
        weights: Weights, values: LaneArray, offsets: OffsetArray, step: int, row_count: int
    ) -> FloatArray:
        tap = sliding_window_view(_in_floats(values), weights.inputs // len(offsets))
        seen = [tap[at::step][:row_count] for at in offsets]
        noted.append(Product(weights, np.concatenate(seen, axis=1)))
        return multiply_taps(weights, values, offsets, step, row_count)

    notes: dict[object, object] = {multiply: note, multiply_taps: note_taps}
    with contextlib.ExitStack() as patches:
        for module in _HOPS:
            for name, kernel in vars(module).items():
                if isinstance(kernel, Dispatcher) and kernel in notes:
                    patches.enter_context(mock.patch.object(module, name, notes[kernel]))
                elif isinstance(kernel, Dispatcher) and kernel.__module__ == module.__name__:
                    patches.enter_context(mock.patch.object(module, name, kernel.py_func))
        run()
    return noted


def _in_floats(values: LaneArray) -> FloatArray:
    """Return bfloat16 as floats, and floats as they are."""
    if values.dtype == np.float32:
        return cast("FloatArray", values)
    return (values.astype(np.uint32) << 16).view(np.float32)


def read_rate() -> float:
    """Bytes per second that the calling thread reads from memory, where no cache holds them."""
    values = np.ones(_READ_BYTES // 8, np.int64)  # of zeros there would be one page
    return _READ_BYTES / _least_s(values.max)


def product_rate() -> float:
    """Operations per second of the best plain product on the calling thread, torch's own."""
    left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    return _rate(lambda: torch.mm(left, right))


def halved_product_rate() -> float:
    """Operations per second of the same product in bfloat16, torch's own too."""
    left, right = torch.rand(2, _SIDE, _SIDE).bfloat16()
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
    return 2 * _SIDE**3 / _least_s(multiply)


def _least_s(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best
