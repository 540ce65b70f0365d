"""Sums of products of floats, a block at a time: some rows by as many outputs as a long vector has.

For products too small for a library, whose call would cost as much as they do. Written as LLVM's
vectors for Numba, so that the sums stay in registers; which they are is the processor's matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    import numpy.typing as npt

OUTPUTS = 16
"""Of a block."""

ROWS = 8 if binding.get_host_cpu_features().get("avx512f", False) else 4
"""Of a block, so that its sums fill the registers: 32 of 16 floats, or 16 of 8."""


def arrange(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring [out, in] into the order of blocks: [out / 16, in, 16], zeros where there are none."""
    outputs, inputs = weights.shape
    padded = np.zeros((-(-outputs // OUTPUTS) * OUTPUTS, inputs), np.float32)
    padded[:outputs] = weights
    return np.ascontiguousarray(padded.reshape(-1, OUTPUTS, inputs).transpose(0, 2, 1))


@intrinsic
def add_up(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any,
    row_count: Any,
    values: Any,
    at: Any,
    step: Any,
    weights: Any,
    bias: Any,
    sums: Any,
) -> Any:
    """Multiply a block of rows by one of weights, add the bias: ``sums`` [row, 16].

    ``row_count`` is a constant. Row ``r`` is as many of ``values`` as ``weights`` [in, 16] has
    inputs, from ``at + r * step`` on. ``bias`` [16]. All of it float32 and contiguous.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        _, values, at, step, weights, bias, sums = arrays
        inputs = builder.extract_value(weights.shape, 0)
        rows = [
            builder.gep(values.data, [builder.add(at, builder.mul(step, _LONG(r)))])
            for r in range(signature.args[0].literal_value)
        ]
        totals = [cgutils.alloca_once(builder, _VECTOR) for _ in rows]
        first = _load(builder, bias.data)
        for total in totals:
            builder.store(first, total)
        with cgutils.for_range(builder, inputs) as loop:
            lane_at = builder.mul(loop.index, _LONG(OUTPUTS))
            weight = _load(builder, builder.gep(weights.data, [lane_at]))
            for row, total in zip(rows, totals, strict=True):
                value = builder.load(builder.gep(row, [loop.index]))
                product = builder.fmul(_spread(builder, value), weight, flags=("contract",))
                added = builder.fadd(builder.load(total), product, flags=("contract",))
                builder.store(added, total)
        for r, total in enumerate(totals):
            place = builder.gep(sums.data, [_LONG(OUTPUTS * r)])
            pointer = builder.bitcast(place, _VECTOR.as_pointer())
            builder.store(builder.load(total), pointer, align=4)
        return cgutils.get_null_value(_LONG)

    if not isinstance(row_count, types.IntegerLiteral):
        return None  # Numba asks again, with constants as types of their own
    return types.int64(row_count, values, at, step, weights, bias, sums), generate


_LONG = ir.IntType(64)
_VECTOR = ir.VectorType(ir.FloatType(), OUTPUTS)


def _load(builder: Any, pointer: Any) -> Any:
    return builder.load(builder.bitcast(pointer, _VECTOR.as_pointer()), align=4)


def _spread(builder: Any, value: Any) -> Any:
    """Put one value into every lane."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.IntType(32)(0))
    lanes = ir.VectorType(ir.IntType(32), OUTPUTS)(None)
    return builder.shuffle_vector(one, undefined, lanes)
