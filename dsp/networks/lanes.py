"""Sixteen neighbouring floats as one value inside a kernel.

Before a compiler lets a loop over arrays run on vectors it has the loop ask, each time it begins,
whether they overlap; for the 16 to 64 channels of a bin that takes longer than the loop. Written in
lanes, a loop is vectors from the start. Where fewer values than lanes are left, ``count`` says how
many: none beyond is read or written.

Arrays are C-contiguous; ``at`` counts their values from the first one, whatever their shape. What
is read and written may be in bfloat16, the first 16 bits of a float: numpy has no such type, so an
array of it is one of uint16.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from dsp.networks import vectors
from dsp.networks.processor import features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dsp.separator import FloatArray

    HalfArray = npt.NDArray[np.uint16]
    LaneArray = FloatArray | HalfArray

LANES = 16

_BYTE, _SHORT, _INT = ir.IntType(8), ir.IntType(16), ir.IntType(32)
_VECTOR, _INTEGERS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_INT, LANES)
_SHORTS, _BFLOATS = ir.VectorType(_SHORT, LANES), ir.VectorType(vectors.Bfloat(), LANES)
_ROUNDS_ITSELF = "avx512bf16" in features()  # in one instruction
_ARITHMETIC = ("contract",)  # sums of products may be fused


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__("lanes")


_OF_LANES = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _defined(operation: Any, generate: Callable[..., Any]) -> None:
    """Let Numba's kernels use an operator between lanes."""
    cases = [signature(_OF_LANES, _OF_LANES, _OF_LANES)]
    infer_global(operation)(type("_OnLanes", (ConcreteTemplate,), {"cases": cases}))

    @lower_builtin(operation, _OF_LANES, _OF_LANES)
    def _(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return generate(builder, *arguments)


_defined(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=_ARITHMETIC))
_defined(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=_ARITHMETIC))
_defined(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=_ARITHMETIC))
_defined(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=_ARITHMETIC))


@intrinsic
def load(_: Any, values: Any, at: Any, count: Any) -> Any:
    """Return up to ``count`` values of a float32 or bfloat16 array; zeros in the other lanes."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        mask = _first(builder, arguments[2])
        return _read(context, builder, kinds.args, arguments, mask)

    return (_OF_LANES(values, at, count), generate) if _is_held(values) else None


@intrinsic
def load_over(_: Any, others: Any, values: Any, at: Any, count: Any) -> Any:
    """Return ``others`` with up to ``count`` values, as `load` reads them, in their first lanes."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        others, *of_values = arguments
        mask = _first(builder, of_values[2])
        read = _read(context, builder, kinds.args[1:], of_values, mask)
        return builder.select(mask, read, others)

    return (_OF_LANES(others, values, at, count), generate) if _is_held(values) else None


@intrinsic
def load_integers(_: Any, values: Any, at: Any) -> Any:
    """Return sixteen values of an int32 array as floats."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        pointer = address(context, builder, kinds, arguments)
        return builder.sitofp(vectors.load(builder, pointer, _INTEGERS), _VECTOR)

    return _OF_LANES(values, at), generate


@intrinsic
def store(_: Any, lanes: Any, values: Any, at: Any, count: Any) -> Any:
    """Write up to ``count`` lanes to a float32 array, or a bfloat16 one, rounded to the nearest."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        lanes, *of_values = arguments
        pointer = address(context, builder, kinds.args[1:], of_values)
        if not _is_of(types.float32, values):
            lanes = _rounded(builder, lanes)
        vectors.store_masked(builder, lanes, pointer, _first(builder, of_values[2]))
        return context.get_dummy_value()

    return (types.void(lanes, values, at, count), generate) if _is_held(values) else None


@intrinsic
def load_backwards(_: Any, values: Any, at: Any) -> Any:
    """Return sixteen values of a float32 array, the last of them, number ``at + 15``, first."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        vector = vectors.load(builder, address(context, builder, kinds, arguments), _VECTOR)
        return vectors.lanes_of(builder, vector, range(LANES - 1, -1, -1))

    return (_OF_LANES(values, at), generate) if _is_of(types.float32, values) else None


@intrinsic
def store_complex(_: Any, real: Any, imaginary: Any, values: Any, at: Any) -> Any:
    """Write sixteen numbers to a complex64 array."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        real, imaginary, *of_values = arguments
        pointer = address(context, builder, kinds.args[2:], of_values)
        pairs = [lane + half for lane in range(LANES) for half in (0, LANES)]
        both = vectors.lanes_of_two(builder, real, imaginary, pairs)
        builder.store(both, builder.bitcast(pointer, both.type.as_pointer()), align=4)
        return context.get_dummy_value()

    of_complex = _is_of(types.complex64, values)
    return (types.void(real, imaginary, values, at), generate) if of_complex else None


@intrinsic
def transpose(_: Any, values: Any, at: Any, target: Any, place: Any) -> Any:
    """Write 16 x 16 values of a float32 array, row by row, to another, column by column."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        source = address(context, builder, kinds.args[:2], arguments[:2])
        place = address(context, builder, kinds.args[2:], arguments[2:])
        starts = [ir.IntType(64)(LANES * row) for row in range(LANES)]
        rows = [vectors.load(builder, builder.gep(source, [start]), _VECTOR) for start in starts]
        for apart in (8, 4, 2, 1):  # a row and a lane that differ in this bit change places
            upper = [lane + (LANES - apart if lane & apart else 0) for lane in range(LANES)]
            lower = [lane + (LANES if lane & apart else apart) for lane in range(LANES)]
            for row in (row for row in range(LANES) if not row & apart):
                pair = rows[row], rows[row + apart]
                rows[row] = vectors.lanes_of_two(builder, *pair, upper)
                rows[row + apart] = vectors.lanes_of_two(builder, *pair, lower)
        for start, row in zip(starts, rows, strict=True):
            where = builder.bitcast(builder.gep(place, [start]), _VECTOR.as_pointer())
            builder.store(row, where, align=4)
        return context.get_dummy_value()

    are_floats = _is_of(types.float32, values) and _is_of(types.float32, target)
    return (types.void(values, at, target, place), generate) if are_floats else None


@intrinsic
def store_bytes(_: Any, lanes: Any, values: Any, at: Any) -> Any:
    """Write sixteen lanes, 0 to 255.99, to a uint8 array, rounded down."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        lanes, *of_values = arguments
        pointer = address(context, builder, kinds.args[1:], of_values)
        small = ir.VectorType(_BYTE, LANES)
        integers = builder.fptosi(lanes, _INTEGERS)
        where = builder.bitcast(pointer, small.as_pointer())
        builder.store(builder.trunc(integers, small), where, align=1)
        return context.get_dummy_value()

    return types.void(lanes, values, at), generate


@intrinsic
def spread(_: Any, value: Any) -> Any:  # noqa: ARG001 - whatever number, it becomes a float32
    """Return one float32 in every lane."""

    def generate(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
        return vectors.everywhere(builder, arguments[0], LANES)

    return _OF_LANES(types.float32), generate


@intrinsic
def larger(_: Any, a: Any, b: Any) -> Any:
    """Return the larger value of each lane."""
    return _OF_LANES(a, b), lambda _context, builder, _kinds, pair: _chosen(builder, ">", *pair)


@intrinsic
def smaller(_: Any, a: Any, b: Any) -> Any:
    """Return the smaller value of each lane."""
    return _OF_LANES(a, b), lambda _context, builder, _kinds, pair: _chosen(builder, "<", *pair)


@intrinsic
def even_lanes(_: Any, lanes: Any) -> Any:
    """Return the even lanes, each also in the place of the odd one behind it."""

    def generate(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
        return vectors.lanes_of(builder, arguments[0], [lane & ~1 for lane in range(LANES)])

    return _OF_LANES(lanes), generate


@intrinsic
def where_positive(_: Any, condition: Any, a: Any, b: Any) -> Any:
    """Return lanes of ``a`` where those of ``condition`` are above zero, else of ``b``."""

    def generate(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
        condition, a, b = arguments
        zero = vectors.constant(_VECTOR, 0.0)
        return builder.select(builder.fcmp_ordered(">", condition, zero), a, b)

    return _OF_LANES(condition, a, b), generate


@intrinsic
def largest(_: Any, lanes: Any) -> Any:
    """Return the largest value of all lanes."""
    return types.float32(lanes), lambda _context, builder, _kinds, one: _folded(builder, ">", *one)


@intrinsic
def smallest(_: Any, lanes: Any) -> Any:
    """Return the smallest value of all lanes."""
    return types.float32(lanes), lambda _context, builder, _kinds, one: _folded(builder, "<", *one)


@intrinsic
def nearest(_: Any, lanes: Any) -> Any:
    """Return the nearest whole number of each lane."""

    def generate(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
        return vectors.call(builder, f"llvm.rint.v{LANES}f32", _VECTOR, arguments)

    return _OF_LANES(lanes), generate


@intrinsic
def power_of_two(_: Any, lanes: Any) -> Any:
    """Return 2 to the power of each lane: whole numbers, -126 to 127."""

    def generate(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
        bias, place = (vectors.constant(_INTEGERS, value) for value in (127, 23))
        exponents = builder.add(builder.fptosi(arguments[0], _INTEGERS), bias)
        return builder.bitcast(builder.shl(exponents, place), _VECTOR)

    return _OF_LANES(lanes), generate


def _is_held(values: Any) -> bool:
    """Whether an array is one that lanes can be read from: Numba names the arguments otherwise."""
    return _is_of(types.float32, values) or _is_of(types.uint16, values)


def _is_of(kind: Any, values: Any) -> bool:
    return isinstance(values, types.Array) and values.dtype == kind and values.is_c_contig


def _read(context: Any, builder: Any, kinds: Any, arguments: Any, mask: Any) -> Any:
    """Read the lanes whose mask is set; zeros in the others."""
    pointer = address(context, builder, kinds, arguments)
    if _is_of(types.float32, kinds[0]):
        return vectors.load_masked(builder, pointer, mask, vectors.constant(_VECTOR, 0.0))
    none = vectors.constant(_SHORTS, 0)
    return _widened(builder, vectors.load_masked(builder, pointer, mask, none))


def _widened(builder: Any, halves: Any) -> Any:
    """Return bfloat16 as floats."""
    bits = builder.shl(builder.zext(halves, _INTEGERS), vectors.constant(_INTEGERS, 16))
    return builder.bitcast(bits, _VECTOR)


def _rounded(builder: Any, lanes: Any) -> Any:
    """Return the nearest bfloat16, of two the even one."""
    if _ROUNDS_ITSELF:
        return builder.bitcast(builder.fptrunc(lanes, _BFLOATS), _SHORTS)
    sixteen, one, half = (vectors.constant(_INTEGERS, value) for value in (16, 1, 0x7FFF))
    bits = builder.bitcast(lanes, _INTEGERS)
    odd = builder.and_(builder.lshr(bits, sixteen), one)
    up = builder.add(bits, builder.add(odd, half))
    return builder.trunc(builder.lshr(up, sixteen), _SHORTS)


def address(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """Return the address of value number ``at``; the first arguments are the array and that."""
    kinds = getattr(kinds, "args", kinds)
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _first(builder: Any, count: Any) -> Any:
    """Tell which lanes are among the first ``count``."""
    return vectors.are_fewer(builder, range(LANES), count)


def _chosen(builder: Any, comparison: str, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(comparison, a, b), a, b)


def _folded(builder: Any, comparison: str, lanes: Any) -> Any:
    """Choose between the halves until one lane is left."""
    while (count := lanes.type.count) > 1:
        halves = range(count // 2), range(count // 2, count)
        low, high = (vectors.lanes_of(builder, lanes, half) for half in halves)
        lanes = _chosen(builder, comparison, low, high)
    return builder.extract_element(lanes, _INT(0))
