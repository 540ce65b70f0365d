"""A matrix product inside a kernel, in 32 or in eight bits, as its weights were arranged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsp.networks import byte_products, float_products
from dsp.networks.byte_products import available_instructions
from dsp.networks.kernel_cache import hop_kernel

if TYPE_CHECKING:
    from dsp.networks.byte_products import WeightArray
    from dsp.separator import FloatArray


class Weights(NamedTuple):
    """A matrix [out, in] and a bias, arranged for one of two kernels; immutable.

    The arrays of the other are empty: to Numba all are of one type, so a loop may run over layers.
    """

    inputs: int
    outputs: int
    floats: FloatArray  # as `float_products.arrange` has them
    bias: FloatArray
    bytes: WeightArray  # as `byte_products.arrange` has them
    affine: FloatArray

    @property
    def is_quantised(self) -> bool:
        """Whether its product is one of bytes."""
        return self.bytes.size > 0


def in_floats(matrix: FloatArray, bias: FloatArray | None) -> Weights:
    """Arrange ``matrix`` [out, in] for a product in 32 bits."""
    outputs, inputs = matrix.shape
    floats = float_products.arrange(matrix)
    padded_bias = np.zeros(floats.shape[0] * float_products.LANES, np.float32)
    if bias is not None:
        padded_bias[:outputs] = bias
    no_bytes = np.zeros((0,) * byte_products.ARRANGED_AXES, np.int8)
    return Weights(inputs, outputs, floats, padded_bias, no_bytes, np.zeros((3, 0), np.float32))


def in_bytes(matrix: FloatArray, bias: FloatArray | None) -> Weights:
    """Arrange ``matrix`` [out, in] for a product in eight bits: signed, a scale for each output.

    Inputs become unsigned bytes, on a scale and an offset for each row, found anew at every call:
    what a row gives depends on that row alone, in music and in near silence. Sums of bytes are
    exact, whatever instructions add them up. ValueError where the processor has none for it.
    """
    if not has_bytes():
        raise ValueError("products in eight bits: AMX, AVX512-VNNI or AVX-VNNI expected")
    outputs, inputs = matrix.shape
    quantised, scale = byte_products.quantise_weights(matrix)
    arranged = byte_products.arrange(quantised)
    affine = np.zeros((3, arranged.shape[0] * byte_products.OUTPUTS), np.float32)
    affine[:2, :outputs] = scale, quantised.sum(axis=1) * scale
    if bias is not None:
        affine[2, :outputs] = bias
    no_floats = np.zeros((0, 0, 0), np.float32)
    return Weights(inputs, outputs, no_floats, np.zeros(0, np.float32), arranged, affine)


def has_bytes() -> bool:
    """Whether this processor has instructions for products in eight bits."""
    return bool(available_instructions())


_HAS_BYTES = has_bytes()
_multiply_bytes: Any = byte_products.MULTIPLY[available_instructions()[0]] if _HAS_BYTES else None


@hop_kernel
def multiply(weights: Weights, values: FloatArray, step: int, row_count: int) -> FloatArray:
    """Return ``rows @ matrix.T + bias``, a new [row, out].

    Row ``r`` is of ``values``, flat, from ``r * step`` on, so rows may overlap; for a product of
    bytes it must be finite. What a row gives depends on that row alone, to the last bit.
    """
    product = np.empty((row_count, weights.outputs), np.float32)
    if weights.floats.size:
        float_products.multiply(values, step, weights.floats, weights.bias, product)
    elif _HAS_BYTES:
        inputs, width = weights.inputs, weights.affine.shape[1]
        if width == weights.outputs:
            _multiply_bytes(values, step, inputs, weights.bytes, weights.affine, product)
        else:
            wide = np.empty((row_count, width), np.float32)
            _multiply_bytes(values, step, inputs, weights.bytes, weights.affine, wide)
            for r in range(row_count):
                for n in range(weights.outputs):
                    product[r, n] = wide[r, n]
    return product
