"""A matrix product inside a kernel, in 32 or in eight bits, as its weights were arranged."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from dsp.networks import aligned, bfloat_products, byte_products, float_products
from dsp.networks.byte_products import available_instructions
from dsp.networks.kept import Kept
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.lane_functions import copy
from dsp.networks.tiles import OUTPUTS

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.byte_products import WeightArray
    from dsp.networks.lanes import HalfArray, LaneArray
    from dsp.separator import FloatArray

    OffsetArray = npt.NDArray[np.int64]


class Arithmetic(StrEnum):
    """How a product is computed."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    EIGHT_BITS = "eight-bits"


class Arranged(NamedTuple):
    """A matrix and a bias arranged for one of three kernels; the arrays of the others are empty."""

    floats: FloatArray  # as `float_products.arrange` has them
    halves: HalfArray  # as `bfloat_products.arrange` has them
    bias: FloatArray
    bytes: WeightArray  # as `byte_products.arrange` has them
    affine: FloatArray


class Weights(NamedTuple):
    """A matrix [out, in] and a bias, arranged for its product; immutable.

    To Numba all are of one type, so a loop may run over layers; kept, so that what a kernel hands
    on, and counts, is one reference and not one to each array.
    """

    inputs: int
    outputs: int
    are_halved: bool  # whether its product is in bfloat16
    kept: Kept[Arranged]

    @property
    def arranged(self) -> Arranged:
        """The arrays, for Python."""
        return self.kept.parts

    @property
    def arithmetic(self) -> Arithmetic:
        """How its product is computed."""
        if self.arranged.bytes.size:
            return Arithmetic.EIGHT_BITS
        return Arithmetic.BFLOAT16 if self.are_halved else Arithmetic.FLOAT32

    @property
    def of_silence(self) -> FloatArray:
        """What a row of zeros gives: [out]."""
        arranged = self.arranged
        return (arranged.affine[2] if arranged.bytes.size else arranged.bias)[: self.outputs]


_NOTHING = Arranged(
    floats=np.zeros((0, 0, 0), np.float32),
    halves=np.zeros((0,) * bfloat_products.ARRANGED_AXES, np.uint16),
    bias=np.zeros(0, np.float32),
    bytes=np.zeros((0,) * byte_products.ARRANGED_AXES, np.int8),
    affine=np.zeros((3, 0), np.float32),
)


@cache
def no_weights() -> Weights:
    """Return those of a product that there is not.

    Made when asked for: what Numba has cached of kept types may import this file's users.
    """
    return Weights(0, 0, are_halved=False, kept=Kept(_NOTHING))


def in_floats(matrix: FloatArray, bias: FloatArray | None) -> Weights:
    """Arrange ``matrix`` [out, in] for a product in 32 bits."""
    outputs, inputs = matrix.shape
    arranged = _NOTHING._replace(floats=float_products.arrange(matrix), bias=_padded(bias, outputs))
    return Weights(inputs, outputs, are_halved=False, kept=Kept(arranged))


def in_halves(matrix: FloatArray, bias: FloatArray | None, taps: int = 1) -> Weights:
    """Arrange ``matrix`` [out, (tap, in)] for a product in bfloat16.

    Inputs are rounded to eight bits of their own each, sums are in 32. ValueError where the
    processor has none for it.
    """
    if not has_halves():
        raise ValueError("products in bfloat16: AMX-BF16 expected")
    outputs, inputs = matrix.shape
    arranged = _NOTHING._replace(
        halves=bfloat_products.arrange(matrix, taps), bias=_padded(bias, outputs)
    )
    return Weights(inputs, outputs, are_halved=True, kept=Kept(arranged))


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
    affine = aligned.zeros((3, arranged.shape[0] * byte_products.OUTPUTS), np.float32)
    affine[:2, :outputs] = scale, quantised.sum(axis=1) * scale
    if bias is not None:
        affine[2, :outputs] = bias
    kept = Kept(_NOTHING._replace(bytes=arranged, affine=affine))
    return Weights(inputs, outputs, are_halved=False, kept=kept)


def _padded(bias: FloatArray | None, outputs: int) -> FloatArray:
    """Return a bias, or none, with zeros behind it up to whole blocks."""
    padded = aligned.zeros((-(-outputs // OUTPUTS) * OUTPUTS,), np.float32)
    if bias is not None:
        padded[:outputs] = bias
    return padded


def has_bytes() -> bool:
    """Whether this processor has instructions for products in eight bits."""
    return bool(available_instructions())


def has_halves() -> bool:
    """Whether it has those for products in bfloat16."""
    return bfloat_products.is_available()


_HAS_BYTES, _HAS_HALVES = has_bytes(), has_halves()
_multiply_bytes: Any = byte_products.MULTIPLY[available_instructions()[0]] if _HAS_BYTES else None


def _in_floats(values: LaneArray, count: int) -> FloatArray:
    """Return the first ``count`` of ``values``, flat, as floats."""
    raise NotImplementedError("within kernels only")


@overload(_in_floats, strict=False)  # which would compare annotations
def _(values: Any, count: int) -> Any:  # noqa: ARG001 - as kernels call it
    if values.dtype == types.float32:
        return lambda values, count: values  # noqa: ARG005
    return _widened


def _in_halves(values: LaneArray, count: int, room: int) -> HalfArray:
    """Return the first ``count`` of ``values``, flat, in bfloat16, with some room behind them."""
    raise NotImplementedError("within kernels only")


@overload(_in_halves, strict=False)
def _(values: Any, count: int, room: int) -> Any:  # noqa: ARG001
    if values.dtype == types.uint16:
        return lambda values, count, room: values  # noqa: ARG005
    return _rounded


def _widened(values: HalfArray, count: int) -> FloatArray:
    floats = aligned.empty(count, np.float32)
    copy(values, floats)
    return floats


def _rounded(values: FloatArray, count: int, room: int) -> HalfArray:
    halves = bfloat_products.empty_with_room(count, np.uint16, room)
    bfloat_products.convert(values, count, halves)
    return halves


@hop_kernel
def multiply(  # noqa: PLR0917 - Numba takes arrays by position
    weights: Weights, values: LaneArray, step: int, row_count: int, groups: int = 1, apart: int = 0
) -> FloatArray:
    """Return ``rows @ matrix.T + bias``, a new [group * row, out].

    Row ``r`` of group ``g`` is of ``values``, flat, from ``g * apart + r * step`` on, so rows may
    overlap; but for one in 32 bits, they must be finite. Those that are in bfloat16 go on behind
    the last row as `bfloat_products.room_behind` tells. What a row gives depends on that row alone,
    to the last bit.
    """
    rows, outputs = groups * row_count, weights.outputs
    product = aligned.empty(rows * outputs, np.float32).reshape(rows, outputs)
    arranged = weights.kept.parts
    count = (groups - 1) * apart + (row_count - 1) * step + weights.inputs
    if arranged.floats.size:
        floats = _in_floats(values, count)
        for g in range(groups):
            of_group = product[g * row_count : (g + 1) * row_count]
            float_products.multiply(
                floats[g * apart :], step, arranged.floats, arranged.bias, of_group
            )
    elif weights.are_halved:
        if _HAS_HALVES:
            halves = _in_halves(values, count, bfloat_products.room_behind(step, row_count))
            whole = np.zeros(1, np.int64)
            for g in range(groups):
                of_group, whole[0] = product[g * row_count : (g + 1) * row_count], g * apart
                bfloat_products.multiply(
                    halves, whole, step, arranged.halves, arranged.bias, of_group
                )
    elif _HAS_BYTES:
        _multiply_bytes(
            values, step, groups, apart, weights.inputs, arranged.bytes, arranged.affine, product
        )
    return product


@hop_kernel
def multiply_taps(
    weights: Weights, values: LaneArray, offsets: OffsetArray, step: int, row_count: int
) -> FloatArray:
    """Return the same, in bfloat16, of rows in pieces: see `bfloat_products.multiply`."""
    outputs = weights.outputs
    product = aligned.empty(row_count * outputs, np.float32).reshape(row_count, outputs)
    if _HAS_HALVES:
        arranged = weights.kept.parts
        room = bfloat_products.room_behind(step, row_count)
        halves = _in_halves(values, values.shape[0], room)
        bfloat_products.multiply(halves, offsets, step, arranged.halves, arranged.bias, product)
    return product
