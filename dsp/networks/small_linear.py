"""A matrix product without a call's cost, for those that are done in some tens of microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit

from dsp.networks.float_blocks import OUTPUTS, ROWS, add_up, arrange

if TYPE_CHECKING:
    from torch import Tensor

    from dsp.separator import FloatArray


class SmallLinear:
    """``rows @ weight.T + bias``, with ``weight`` [out, in].

    Of the same face as ``PackedLinear``. What a row gives depends on that row alone, to the last
    bit. Immutable: threads may share one.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight = arrange(weight.numpy())
        self._outputs = weight.shape[0]
        self._bias = np.zeros(self._weight.shape[0] * OUTPUTS, np.float32)
        if bias is not None:
            self._bias[: self._outputs] = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """Map [row, in] to a new contiguous [row, out]; rows may overlap in memory."""
        count, inputs = rows.shape
        step = rows.stride(0)
        values = rows.as_strided(((count - 1) * step + inputs,), (1,)).numpy()
        product = np.empty((count, self._outputs), np.float32)
        _multiply(values, step, self._weight, self._bias, product)
        return torch.from_numpy(product)

    def add_to(self, other: Tensor, rows: Tensor) -> Tensor:
        """Return ``other + self(rows)`` as a new tensor; ``other`` is [row, out], contiguous."""
        return self(rows).add_(other)


@njit(cache=True, nogil=True)
def _multiply(
    values: FloatArray, step: int, weights: FloatArray, bias: FloatArray, product: FloatArray
) -> None:
    """Write ``product`` [row, out]; row ``r`` is of ``values`` from ``r * step`` on."""
    sums = np.empty((ROWS, OUTPUTS), np.float32)
    count = product.shape[0]
    whole = count // ROWS * ROWS
    for block in range(weights.shape[0]):
        output = block * OUTPUTS
        one, its_bias = weights[block], bias[output:]
        for r in range(0, whole, ROWS):
            add_up(ROWS, values, r * step, step, one, its_bias, sums)
            _place(sums, output, product[r : r + ROWS])
        for r in range(whole, count):
            add_up(1, values, r * step, step, one, its_bias, sums)
            _place(sums, output, product[r : r + 1])


@njit(cache=True)
def _place(sums: FloatArray, output: int, product: FloatArray) -> None:
    """Copy sums [row, 16], as far as there are outputs, to ``product`` from ``output`` on."""
    for r in range(product.shape[0]):
        row, total = product[r, output:], sums[r]
        for n in range(min(OUTPUTS, row.shape[0])):
            row[n] = total[n]
