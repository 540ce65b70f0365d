"""A matrix product in eight bits: a quarter of the weights to fetch, and less of the work.

Weights are signed, on one scale for each output; inputs are unsigned, on a scale and an offset for
each row, found anew at every call: what a row gives depends on that row alone, in music and in
near silence. Sums of bytes are exact, whatever instructions add them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from dsp.networks import byte_products
from dsp.networks.byte_products import OUTPUTS, arrange, available_instructions

if TYPE_CHECKING:
    from torch import Tensor

    from dsp.networks.byte_products import Instructions
    from dsp.networks.rows import Rows
    from dsp.separator import FloatArray

_LARGEST_WEIGHT = 127


class QuantisedLinear:
    """``rows @ weight.T + bias`` nearly, with ``weight`` [out, in].

    Of the same face as ``FloatLinear``. Immutable: threads may share one. ``instructions``: the
    processor's best unless told; IndexError where there are none.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, instructions: Instructions | None = None
    ) -> None:
        if instructions is None:
            instructions = available_instructions()[0]
        self._multiply = byte_products.MULTIPLY[instructions]
        scale = weight.abs().amax(dim=1) / _LARGEST_WEIGHT
        scale = torch.where(scale > 0.0, scale, 1.0)
        quantised = torch.round(weight / scale[:, None]).to(torch.int8)
        self._weight = arrange(quantised.numpy())
        self.outputs, self.inputs = weight.shape
        self._affine = np.zeros((3, self._weight.shape[0] * OUTPUTS), np.float32)
        self._affine[:2, : self.outputs] = scale, quantised.sum(dim=1) * scale
        if bias is not None:
            self._affine[2, : self.outputs] = bias

    def __call__(self, rows: Rows) -> FloatArray:
        """Return a new [row, out]; rows must be finite."""
        values, step, count = rows
        product = np.empty((count, self._affine.shape[1]), np.float32)
        self._multiply(values, step, self.inputs, self._weight, self._affine, product)
        return np.ascontiguousarray(product[:, : self.outputs])


def has_quantised() -> bool:
    """Whether this processor has instructions for such products."""
    return bool(available_instructions())
