"""A matrix product in 32 bits whose weights are arranged once, for a few rows at a time.

A library arranges them anew at every call, or looks up at every call what it keeps: for some tens
of rows that costs as much as the product. Blocks of some rows by as many outputs as long vectors
have are written as LLVM's vectors for Numba, so that the sums stay in registers; which they are is
the processor's matter. One file, for Numba looks only at a kernel's own to see whether what it has
cached is out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from dsp.networks.processor import features

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.separator import FloatArray

LANES = 16
"""Outputs of a vector."""

ROWS, VECTORS = (8, 2) if "avx512f" in features() else (4, 1)
"""Of a block, so that its sums fill the registers: 32 of 16 floats, or 16 of 8."""


def arrange(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring [out, in] into the order of blocks: [out / 16, in, 16], zeros where there are none."""
    outputs, inputs = weights.shape
    padded = np.zeros((-(-outputs // LANES) * LANES, inputs), np.float32)
    padded[:outputs] = weights
    return np.ascontiguousarray(padded.reshape(-1, LANES, inputs).transpose(0, 2, 1))


@njit(cache=True)
def multiply(
    values: FloatArray, step: int, weights: FloatArray, bias: FloatArray, product: FloatArray
) -> None:
    """Write ``product`` [row, out]; row ``r`` is of ``values`` from ``r * step`` on.

    What a row gives depends on that row alone, to the last bit. ``weights`` are as `arrange` has
    them, ``bias`` [out, or more].
    """
    blocks = weights.shape[0]
    some = product.shape[0] // ROWS * ROWS
    for block in range(0, blocks, VECTORS):
        these, added = weights[block : block + VECTORS], bias[block * LANES :]
        rest = values[some * step :]
        if these.shape[0] == VECTORS:
            _wide(values, step, these, added, block * LANES, product[:some])
            _wide_row(rest, step, these, added, block * LANES, product[some:])
        else:
            _narrow(values, step, these, added, block * LANES, product[:some])
            _narrow_row(rest, step, these, added, block * LANES, product[some:])


def _blocks(row_count: int, vectors: int) -> Any:
    """Compile the product of rows, a multiple of ``row_count``, by so many vectors of outputs."""

    @njit(cache=True)
    def compute(  # noqa: PLR0917 - Numba takes arrays by position
        values: FloatArray,
        step: int,
        weights: FloatArray,
        bias: FloatArray,
        output: int,
        product: FloatArray,
    ) -> None:
        """Write ``product``'s columns from ``output`` on, as far as there are any."""
        rows, outputs = product.shape
        flat = product.reshape(-1)
        for r in range(0, rows, row_count):
            at = r * outputs + output
            add_up(row_count, vectors, values, r * step, step, weights, bias, flat, at, outputs)

    return compute


_wide, _narrow = _blocks(ROWS, VECTORS), _blocks(ROWS, 1)
_wide_row, _narrow_row = _blocks(1, VECTORS), _blocks(1, 1)


@intrinsic
def add_up(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any,
    row_count: Any,
    vectors: Any,
    values: Any,
    at: Any,
    step: Any,
    weights: Any,
    bias: Any,
    product: Any,
    place: Any,
    outputs: Any,
) -> Any:
    """Multiply a block of rows by ``weights`` [vector, in, 16] and add ``bias``.

    ``row_count`` and ``vectors`` are constants. Row ``r`` is of ``values``, flat, from
    ``at + r * step`` on; its sums go to ``product``, flat, from ``place + r * outputs`` on, as far
    as that row goes: ``place`` is in the first one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        _, _, values, at, step, weights, bias, product, place, outputs = arrays
        row_count, vectors = (constant.literal_value for constant in signature.args[:2])
        _, inputs, _ = cgutils.unpack_tuple(builder, weights.shape)
        rows = [_offset(builder, values.data, at, step, r) for r in range(row_count)]
        whole = builder.mul(inputs, _LONG(LANES))
        blocks = [_offset(builder, weights.data, _LONG(0), whole, v) for v in range(vectors)]
        lanes = [_offset(builder, bias.data, _LONG(0), _LONG(LANES), v) for v in range(vectors)]
        totals = [[cgutils.alloca_once(builder, _VECTOR) for _ in blocks] for _ in rows]
        for of_row in totals:
            for lane, total in zip(lanes, of_row, strict=True):
                builder.store(_load(builder, lane), total)
        with cgutils.for_range(builder, inputs) as loop:
            weight_at = builder.mul(loop.index, _LONG(LANES))
            loaded = [_load(builder, builder.gep(block, [weight_at])) for block in blocks]
            for row, of_row in zip(rows, totals, strict=True):
                value = _spread(builder, builder.load(builder.gep(row, [loop.index])))
                for weight, total in zip(loaded, of_row, strict=True):
                    scaled = builder.fmul(value, weight, flags=("contract",))
                    added = builder.fadd(builder.load(total), scaled, flags=("contract",))
                    builder.store(added, total)
        left = builder.sub(outputs, builder.urem(place, outputs))
        masks = [_fewer_than(builder, left, LANES * v) for v in range(vectors)]
        for r, of_row in enumerate(totals):
            row = _offset(builder, product.data, place, outputs, r)
            for v, (mask, total) in enumerate(zip(masks, of_row, strict=True)):
                pointer = builder.bitcast(builder.gep(row, [_LONG(LANES * v)]), _POINTER)
                _store(builder, builder.load(total), pointer, mask)
        return cgutils.get_null_value(_LONG)

    if not all(isinstance(constant, types.IntegerLiteral) for constant in (row_count, vectors)):
        return None  # Numba asks again, with constants as types of their own
    kinds = row_count, vectors, values, at, step, weights, bias, product, place, outputs
    return types.int64(*kinds), generate


_INT, _LONG = ir.IntType(32), ir.IntType(64)
_INTS = ir.VectorType(_INT, LANES)
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_POINTER = _VECTOR.as_pointer()


def _offset(builder: Any, pointer: Any, at: Any, step: Any, count: int) -> Any:
    return builder.gep(pointer, [builder.add(at, builder.mul(step, _LONG(count)))])


def _load(builder: Any, pointer: Any) -> Any:
    return builder.load(builder.bitcast(pointer, _POINTER), align=4)


def _store(builder: Any, vector: Any, pointer: Any, mask: Any) -> None:
    """Store the lanes whose mask is set."""
    kind = ir.FunctionType(ir.VoidType(), [vector.type, pointer.type, _INT, mask.type])
    name = f"llvm.masked.store.v{LANES}f32.p0v{LANES}f32"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [vector, pointer, _INT(4), mask])


def _fewer_than(builder: Any, count: Any, first: int) -> Any:
    """Tell which lanes, the lowest being number ``first``, are among the first ``count``."""
    numbers = ir.Constant(_INTS, [_INT(first + lane) for lane in range(LANES)])
    everywhere = _spread(builder, builder.trunc(count, _INT), _INTS)
    return builder.icmp_signed("<", numbers, everywhere)


def _spread(builder: Any, value: Any, vector: Any = None) -> Any:
    """Put one value into every lane."""
    undefined = ir.Constant(vector or _VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(one, undefined, _INTS(None))
