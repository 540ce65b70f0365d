"""A matrix product in eight bits: a quarter of the weights to fetch, and of the work.

Weights are signed, on one scale for each output; inputs are unsigned, on a scale and an offset for
each row, found anew at every call: what a row gives depends on that row alone, in music and in
near silence. AVX512-VNNI sums such products without rounding. PyTorch offers the product under a
private name, which this file alone knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from dsp.networks import quantised_kernels as kernels

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST_WEIGHT = 127
_ROWS_SCALE, _ROWS_ZERO = 1.0, 0


class QuantisedLinear:
    """``rows @ weight.T + bias`` nearly, with ``weight`` [out, in] packed for ``row_count`` rows.

    Of the same face as ``PackedLinear``. Immutable: threads may share one.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, row_count: int) -> None:
        outputs, inputs = weight.shape
        scale = weight.abs().amax(dim=1) / _LARGEST_WEIGHT
        self._scale = torch.where(scale > 0.0, scale, 1.0)
        quantised = torch.round(weight / self._scale[:, None]).to(torch.int8)
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self._sums = (quantised.sum(dim=1) * self._scale).numpy()
        self._bias = np.zeros(outputs, np.float32) if bias is None else bias.numpy()
        self._weight = torch.ops.onednn.qlinear_prepack(quantised, [row_count, inputs])

    def __call__(self, rows: Tensor) -> Tensor:
        """Map [row, in], finite, to a new contiguous [row, out]; rows may overlap in memory."""
        count, inputs = rows.shape
        step = rows.stride(0)
        values = rows.as_strided(((count - 1) * step + inputs,), (1,)).numpy()
        quantised = np.empty((count, inputs), np.uint8)
        scale, offset = np.empty((2, count), np.float32)
        kernels.quantise_rows(values, step, quantised, scale, offset)
        product = self.multiply(torch.from_numpy(quantised))
        kernels.restore_rows(product.numpy(), scale, offset, self._sums, self._bias)
        return product

    def add_to(self, other: Tensor, rows: Tensor) -> Tensor:
        """Return ``other + self(rows)`` as a new tensor; ``other`` is [row, out], contiguous."""
        return self(rows).add_(other)

    def multiply(self, rows: Tensor) -> Tensor:
        """Multiply bytes [row, in] by the weights, as floats [row, out]."""
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            rows,
            _ROWS_SCALE,
            _ROWS_ZERO,
            self._weight,
            self._scale,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return product


def has_quantised() -> bool:
    """Whether this torch and this processor have the product, and at its speed."""
    operators = ("qlinear_prepack", "qlinear_pointwise")
    there = all(hasattr(torch.ops.onednn, name) for name in operators)
    return there and torch.cpu._is_vnni_supported() and _multiplies()  # noqa: SLF001


def _multiplies() -> bool:
    """Try the operators once: a build without oneDNN has them, but they raise."""
    try:
        product = QuantisedLinear(torch.eye(4), None, 2).multiply(
            torch.ones(2, 4, dtype=torch.uint8)
        )
    except (RuntimeError, NotImplementedError):
        return False
    return bool(torch.allclose(product, torch.ones(2, 4)))
