"""A matrix product without a call's cost, for those that are done in some tens of microseconds.

Blocks of some rows by as many outputs as a long vector has are written as LLVM's vectors for Numba,
so that the sums stay in registers; which they are is the processor's matter. One file, for Numba
looks only at a kernel's own to see whether what it has cached is out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from dsp.separator import FloatArray

OUTPUTS = 16
"""Of a block."""

ROWS = 8 if binding.get_host_cpu_features().get("avx512f", False) else 4
"""Of a block, so that its sums fill the registers: 32 of 16 floats, or 16 of 8."""


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
