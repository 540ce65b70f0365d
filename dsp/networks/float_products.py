"""A matrix product in 32 bits whose weights are arranged once, for a few rows at a time.

A library arranges them anew at every call, or looks up at every call what it keeps: for some tens
of rows that costs as much as the product. Blocks of some rows by as many outputs as long vectors
have are written as LLVM's vectors for Numba, so that the sums stay in registers; which they are is
the processor's matter. Where few outputs are left for a vector, its lanes take several inputs of
each instead, and are added up in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dsp.networks import aligned, vectors
from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES
from dsp.networks.processor import features

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.separator import FloatArray

ROWS, VECTORS = (8, 2) if "avx512f" in features() else (4, 1)
"""Of a block, so that its sums fill the registers: 32 of 16 floats, or 16 of 8."""


def arrange(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring [out, in] into the order of blocks: [out / 16, in, 16], zeros where there are none.

    Where inputs share the last block's vectors, see `inputs_at_once`, it is [in / shared, (out,
    shared)] and zeros behind it.
    """
    outputs, inputs = weights.shape
    padded = np.zeros((-(-outputs // LANES) * LANES, inputs), np.float32)
    padded[:outputs] = weights
    arranged = aligned.copied(padded.reshape(-1, LANES, inputs).transpose(0, 2, 1))
    shared = inputs_at_once(outputs, inputs)
    if shared > 1:
        last = padded[-LANES : -LANES + LANES // shared].reshape(-1, inputs // shared, shared)
        arranged[-1] = 0.0
        arranged[-1, : inputs // shared] = last.swapaxes(0, 1).reshape(-1, LANES)
    return arranged


@kernel
def inputs_at_once(outputs: int, inputs: int) -> int:
    """Return how many inputs of each output of the last block lie side by side in a vector."""
    last = (outputs - 1) % LANES + 1
    if last <= LANES // 4 and inputs % 4 == 0:
        return 4
    if last <= LANES // 2 and inputs % 2 == 0:
        return 2
    return 1


@kernel
def multiply(
    values: FloatArray, step: int, weights: FloatArray, bias: FloatArray, product: FloatArray
) -> None:
    """Write ``product`` [row, out]; row ``r`` is of ``values`` from ``r * step`` on.

    What a row gives depends on that row alone, to the last bit. ``weights`` are as `arrange` has
    them, ``bias`` [out, or more].
    """
    blocks, inputs, _ = weights.shape
    some = product.shape[0] // ROWS * ROWS
    rest = values[some * step :]
    shared = inputs_at_once(product.shape[1], inputs)
    usual = blocks if shared == 1 else blocks - 1
    for block in range(0, usual, VECTORS):
        these, added = weights[block : min(block + VECTORS, usual)], bias[block * LANES :]
        if these.shape[0] == VECTORS:
            _wide(values, step, these, added, block * LANES, product[:some])
            _wide_row(rest, step, these, added, block * LANES, product[some:])
        else:
            _narrow(values, step, these, added, block * LANES, product[:some])
            _narrow_row(rest, step, these, added, block * LANES, product[some:])
    these, added = weights[usual:], bias[usual * LANES :]
    if shared == 2:
        _pairs(values, step, these, added, usual * LANES, product[:some])
        _pairs_row(rest, step, these, added, usual * LANES, product[some:])
    elif shared == 4:
        _fours(values, step, these, added, usual * LANES, product[:some])
        _fours_row(rest, step, these, added, usual * LANES, product[some:])


def _blocks(row_count: int, vector_count: int, shared: int = 1) -> Any:
    """Compile the product of rows, a multiple of ``row_count``, by so many vectors of outputs.

    ``shared``: how many inputs of each output lie side by side in a vector.
    """

    @kernel
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
            add_up(
                row_count,
                vector_count,
                shared,
                values,
                r * step,
                step,
                weights,
                bias,
                flat,
                at,
                outputs,
            )

    return compute


_wide, _narrow = _blocks(ROWS, VECTORS), _blocks(ROWS, 1)
_wide_row, _narrow_row = _blocks(1, VECTORS), _blocks(1, 1)
_pairs, _fours = _blocks(ROWS, 1, 2), _blocks(ROWS, 1, 4)
_pairs_row, _fours_row = _blocks(1, 1, 2), _blocks(1, 1, 4)


@intrinsic
def add_up(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any,
    row_count: Any,
    vector_count: Any,
    shared: Any,
    values: Any,
    at: Any,
    step: Any,
    weights: Any,
    bias: Any,
    product: Any,
    place: Any,
    outputs: Any,
) -> Any:
    """Multiply a block of rows by ``weights`` [vector, in / shared, 16] and add ``bias``.

    ``row_count``, ``vector_count`` and ``shared``, inputs of an output in a vector, are constants.
    Row ``r`` is of ``values``, flat, from ``at + r * step`` on; its sums go to ``product``, flat,
    from ``place + r * outputs`` on, as far as that row goes: ``place`` is in the first one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        values, at, step, weights, bias, product, place, outputs = arrays[3:]
        row_count, vector_count, shared = (
            constant.literal_value for constant in signature.args[:3]
        )
        lanes = LANES // shared  # outputs of a vector
        _, inputs, _ = cgutils.unpack_tuple(builder, weights.shape)
        rows = [_offset(builder, values.data, at, step, r) for r in range(row_count)]
        whole = builder.mul(inputs, _LONG(LANES))
        blocks = [_offset(builder, weights.data, _LONG(0), whole, v) for v in range(vector_count)]
        totals = [[cgutils.alloca_once(builder, _VECTOR) for _ in blocks] for _ in rows]
        for of_row in totals:
            for total in of_row:
                builder.store(vectors.constant(_VECTOR, 0.0), total)
        with cgutils.for_range(builder, builder.udiv(inputs, _LONG(shared))) as loop:
            weight_at = builder.mul(loop.index, _LONG(LANES))
            places = [builder.gep(block, [weight_at]) for block in blocks]
            loaded = [vectors.load(builder, place, _VECTOR) for place in places]
            for row, of_row in zip(rows, totals, strict=True):
                value_at = builder.mul(loop.index, _LONG(shared))
                value = vectors.load(builder, builder.gep(row, [value_at]), _floats(shared))
                everywhere = vectors.lanes_of(builder, value, list(range(shared)) * lanes)
                for weight, total in zip(loaded, of_row, strict=True):
                    scaled = builder.fmul(everywhere, weight, flags=("contract",))
                    added = builder.fadd(builder.load(total), scaled, flags=("contract",))
                    builder.store(added, total)
        left = builder.sub(outputs, builder.urem(place, outputs))
        for v in range(vector_count):
            mask = vectors.are_fewer(builder, range(lanes * v, lanes * (v + 1)), left)
            pointer = _offset(builder, bias.data, _LONG(0), _LONG(lanes), v)
            beside = vectors.load(builder, pointer, _floats(lanes))
            for r, of_row in enumerate(totals):
                row = _offset(builder, product.data, place, outputs, r)
                total = builder.fadd(_folded(builder, builder.load(of_row[v]), lanes), beside)
                vectors.store_masked(builder, total, builder.gep(row, [_LONG(lanes * v)]), mask)
        return cgutils.get_null_value(_LONG)

    constants = row_count, vector_count, shared
    if not all(isinstance(constant, types.IntegerLiteral) for constant in constants):
        return None  # Numba asks again, with constants as types of their own
    kinds = *constants, values, at, step, weights, bias, product, place, outputs
    return types.int64(*kinds), generate


_LONG = ir.IntType(64)


def _floats(count: int) -> Any:
    return ir.VectorType(ir.FloatType(), count)


_VECTOR = _floats(LANES)


def _offset(builder: Any, pointer: Any, at: Any, step: Any, count: int) -> Any:
    return builder.gep(pointer, [builder.add(at, builder.mul(step, _LONG(count)))])


def _folded(builder: Any, vector: Any, lanes: int) -> Any:
    """Add up neighbouring lanes until so many are left."""
    while (count := vector.type.count) > lanes:
        even, odd = (vectors.lanes_of(builder, vector, range(k, count, 2)) for k in (0, 1))
        vector = builder.fadd(even, odd)
    return vector
