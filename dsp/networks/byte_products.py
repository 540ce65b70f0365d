"""Products in eight bits: rows of floats to bytes, each on its own scale, and their sums to floats.

Sums of bytes are spelt out in the instructions that processors have for them, as LLVM's intrinsics
for Numba: libraries ask for more time per call than most of our products take, and no compiler
finds them in a loop.

Reference: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, VPDPBUSD and
TDPBUSD.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dsp.networks import aligned, lanes, tiles, vectors
from dsp.networks.kernel_cache import hop_kernel, kernel
from dsp.networks.lanes import LANES
from dsp.networks.processor import features, tiles_are_granted

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.lanes import LaneArray
    from dsp.separator import FloatArray

    ByteArray = npt.NDArray[np.uint8]
    WeightArray = npt.NDArray[np.int8]

ROWS = 32
FEW_ROWS = 16
OUTPUTS = 32
"""Of a block, which has as many rows or as few."""

DEPTH = 64
"""Inputs come in multiples of it; zeros are in the place of those that there are not."""

LARGEST_BYTE = np.float32(255.0)
LEAST_EXTENT = np.float32(1e-30)
"""A row that varies by less counts as constant; its inverse would be beyond float32."""

ROWS_AT_ONCE = 512
"""Rows whose bytes stay in the second cache while all weights pass by."""

LEAST_PASSING_BYTES = 2**18
"""Weights from which they pass by once, and rows several times; else what is written stays near."""

ARRANGED_AXES = 6
"""Of weights in the order of blocks, see `arrange`."""

_LARGEST_WEIGHT = 127
_LARGEST = np.finfo(np.float32).max


class Instructions(IntEnum):
    """What multiplies unsigned by signed bytes and adds up without rounding, the best first."""

    AMX = 0
    AVX512_VNNI = 1
    AVX_VNNI = 2

    @property
    def label(self) -> str:
        """Their name as processors' makers write it."""
        return self.name.replace("_", "-")


def available_instructions() -> tuple[Instructions, ...]:
    """Return those that this processor, its operating system and Numba's compiler have."""
    compiled_for = features()
    there = {
        Instructions.AMX: "amx-int8" in compiled_for and tiles_are_granted(),
        Instructions.AVX512_VNNI: "avx512vnni" in compiled_for,
        Instructions.AVX_VNNI: "avxvnni" in compiled_for,
    }
    return tuple(instructions for instructions, is_there in there.items() if is_there)


def quantise_weights(weights: FloatArray) -> tuple[WeightArray, FloatArray]:
    """Return [out, in] as signed bytes, and what one of their steps is worth: [out]."""
    scale = np.abs(weights).max(axis=1) / np.float32(_LARGEST_WEIGHT)
    scale[scale == 0.0] = 1.0
    return np.rint(weights / scale[:, None]).astype(np.int8), scale


def arrange(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Bring [out, in] into the order of blocks: [out / 32, in / 64, 2, 16, 16, 4].

    Of 32 outputs and 64 inputs, the first 16 outputs and then the others; of these, four
    neighbouring inputs of each output, then the next four. All instructions read this order.
    """
    outputs, inputs = weights.shape
    padded = np.zeros((-(-outputs // OUTPUTS) * OUTPUTS, -(-inputs // DEPTH) * DEPTH), np.int8)
    padded[:outputs, :inputs] = weights
    blocks = padded.reshape(-1, _HALVES, LANES, padded.shape[1] // DEPTH, DEPTH // 4, 4)
    return aligned.copied(blocks.transpose(0, 3, 1, 4, 2, 5))


def _multiplication(instructions: int) -> Any:
    """Compile the product for some instructions."""

    @hop_kernel
    def multiply(  # noqa: PLR0917 - Numba takes arrays by position
        values: LaneArray,
        step: int,
        groups: int,
        apart: int,
        inputs: int,
        weights: WeightArray,
        affine: FloatArray,
        product: FloatArray,
    ) -> None:
        """Write ``product`` [group * row, out] of rows that may overlap.

        Row ``r`` of group ``g`` has ``inputs`` of ``values``, flat, from ``g * apart + r * step``
        on, and they must be finite. ``weights`` are as `arrange` has them. ``affine`` [3, out, or
        more]: what one step of a weight is worth, the sum of an output's weights, its bias.
        """
        depth = weights.shape[1] * DEPTH
        row_count = product.shape[0]
        of_group = row_count // groups
        at_once = min(row_count, ROWS_AT_ONCE) if groups == 1 else row_count
        shape = -(-at_once // ROWS), depth // DEPTH, ROWS, DEPTH
        quantised = aligned.empty(shape[0] * depth * ROWS, np.uint8).reshape(shape)
        scales = np.empty((at_once, 2), np.float32)
        sums = aligned.empty(ROWS * OUTPUTS, np.int32).reshape(ROWS, OUTPUTS)
        begin(instructions)
        for first in range(0, row_count, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, row_count - first)
            for g in range(groups):
                at, place, rows = g * apart + first * step, g * of_group, min(count, of_group)
                quantise_rows(values, at, step, inputs, quantised, scales, place, rows)
            blocks, row_blocks = weights.shape[0], -(-count // ROWS)
            for index in range(blocks * row_blocks):
                if weights.size > LEAST_PASSING_BYTES:
                    block, row_block = index // row_blocks, index % row_blocks
                else:
                    row_block, block = index // blocks, index % blocks
                r, at = row_block * ROWS, block * OUTPUTS * depth
                few, row_at, depths = min(ROWS, count - r), r * depth, weights.shape[1]
                if few > FEW_ROWS:
                    add_up(instructions, ROWS, quantised, row_at, depths, weights, at, sums)
                else:
                    add_up(instructions, FEW_ROWS, quantised, row_at, depths, weights, at, sums)
                _restore(sums, scales, r, few, affine, block * OUTPUTS, product, first + r)
        end(instructions)

    return multiply


MULTIPLY = {instructions: _multiplication(int(instructions)) for instructions in Instructions}


@kernel
def quantise_rows(  # noqa: PLR0917 - Numba takes arrays by position
    values: LaneArray,
    begin: int,
    step: int,
    inputs: int,
    quantised: ByteArray,
    scales: FloatArray,
    place: int,
    row_count: int,
) -> None:
    """Write each row as bytes times a scale plus an offset: its own extremes, evenly.

    Row ``r`` is of ``values``, flat, from ``begin + r * step`` on, and must be finite; it becomes
    row ``place + r``. ``scales`` [row, (scale, offset)]; ``quantised`` [row / 32, input / 64, 32,
    64], what is beyond the inputs means nothing.
    """
    depths, whole = quantised.shape[1], inputs // LANES * LANES
    half = lanes.spread(np.float32(0.5))
    for r in range(place, place + row_count):
        first = begin + (r - place) * step
        low, high = lanes.spread(_LARGEST), lanes.spread(-_LARGEST)
        for k in range(0, whole, LANES):
            value = lanes.load(values, first + k, LANES)
            low, high = lanes.smaller(low, value), lanes.larger(high, value)
        if whole < inputs:
            low = lanes.smaller(low, lanes.load_over(low, values, first + whole, inputs - whole))
            high = lanes.larger(high, lanes.load_over(high, values, first + whole, inputs - whole))
        lowest = lanes.smallest(low)
        extent = lanes.largest(high) - lowest
        steps = LARGEST_BYTE / extent if extent > LEAST_EXTENT else np.float32(0.0)
        offset, scale = lanes.spread(lowest), lanes.spread(steps)
        for k in range(0, whole, LANES):
            above = lanes.load(values, first + k, LANES) - offset
            depth = (r // ROWS * depths + k // DEPTH) * ROWS + r % ROWS
            lanes.store_bytes(above * scale + half, quantised, depth * DEPTH + k % DEPTH)
        if whole < inputs:
            above = lanes.load_over(offset, values, first + whole, inputs - whole) - offset
            depth = (r // ROWS * depths + whole // DEPTH) * ROWS + r % ROWS
            lanes.store_bytes(above * scale + half, quantised, depth * DEPTH + whole % DEPTH)
        scales[r, 0], scales[r, 1] = extent / LARGEST_BYTE, lowest


@kernel
def _restore(  # noqa: PLR0917 - Numba takes arrays by position
    sums: npt.NDArray[np.int32],
    scales: FloatArray,
    first: int,
    row_count: int,
    affine: FloatArray,
    output: int,
    product: FloatArray,
    place: int,
) -> None:
    """Write a block of sums of bytes as what they stand for.

    ``scales`` are those of its rows from ``first`` on; it goes to ``product`` from row ``place``
    and ``output`` on.
    """
    outputs, width = product.shape[1], affine.shape[1]
    for n in range(0, min(OUTPUTS, outputs - output), LANES):
        step = lanes.load(affine, output + n, LANES)
        total = lanes.load(affine, width + output + n, LANES)
        bias = lanes.load(affine, 2 * width + output + n, LANES)
        left, at = outputs - output - n, place * outputs + output + n
        for r in range(row_count):
            found = lanes.load_integers(sums, r * OUTPUTS + n) * step
            by, beyond = lanes.spread(scales[first + r, 0]), lanes.spread(scales[first + r, 1])
            lanes.store(found * by + (total * beyond + bias), product, at + r * outputs, left)


@intrinsic
def begin(_: Any, instructions: Any) -> Any:
    """Make the processor ready. ``instructions`` is a constant, here and below."""

    def generate(_: Any, builder: Any, signature: Any, __: Any) -> Any:
        if _chosen(signature) is Instructions.AMX:
            tiles.begin_here(builder)
        return cgutils.get_null_value(_LONG)

    return (types.int64(instructions), generate) if _are_constant(instructions) else None


@intrinsic
def end(_: Any, instructions: Any) -> Any:
    """Leave the processor as it was."""

    def generate(_: Any, builder: Any, signature: Any, __: Any) -> Any:
        if _chosen(signature) is Instructions.AMX:
            tiles.end_here(builder)
        return cgutils.get_null_value(_LONG)

    return (types.int64(instructions), generate) if _are_constant(instructions) else None


@intrinsic
def add_up(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any,
    instructions: Any,
    row_count: Any,
    rows: Any,
    row_at: Any,
    depths: Any,
    weights: Any,
    weight_at: Any,
    sums: Any,
) -> Any:
    """Multiply a block of rows by one of weights: ``sums`` [32, 32] of ``row_count`` rows.

    ``row_count`` is a constant, ``ROWS`` or ``FEW_ROWS``. Of ``rows`` (uint8, in the order of
    `quantise_rows`) and ``weights`` (int8, in that of `arrange`) those of the block begin at
    ``row_at`` and ``weight_at``; of each there are ``depths``. ``sums`` is int32.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row_count = signature.args[1].literal_value
        _, _, rows, row_at, depths, weights, weight_at, sums = (
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        rows = builder.gep(builder.bitcast(rows, _POINTER), [row_at])
        weights = builder.gep(builder.bitcast(weights, _POINTER), [weight_at])
        sums = builder.bitcast(sums, _POINTER)
        block = _Block(builder, rows, depths, weights, sums)
        match _chosen(signature):
            case Instructions.AMX:
                block.add_up_tiles(row_count // LANES)
            case Instructions.AVX512_VNNI:
                block.add_up_vectors(row_count, LANES, 8)
            case Instructions.AVX_VNNI:
                block.add_up_vectors(row_count, LANES // 2, 2)
        return cgutils.get_null_value(_LONG)

    signature = types.int64(instructions, row_count, rows, row_at, depths, weights, weight_at, sums)
    return (signature, generate) if _are_constant(instructions, row_count) else None


_HALVES = OUTPUTS // LANES
_HALF_BYTES = LANES * DEPTH
_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_POINTER = _BYTE.as_pointer()


def _are_constant(*arguments: Any) -> bool:
    """Numba asks twice, the second time with constants as types of their own."""
    return all(isinstance(argument, types.IntegerLiteral) for argument in arguments)


def _chosen(signature: Any) -> Instructions:
    return Instructions(signature.args[0].literal_value)


class _Block:
    """Writes the instructions for one block."""

    def __init__(self, builder: Any, rows: Any, depths: Any, weights: Any, sums: Any) -> None:
        self._builder = builder
        self._rows, self._depths = rows, depths
        self._weights, self._sums = weights, sums

    def add_up_tiles(self, row_tiles: int) -> None:
        """Let tiles add up."""
        rows = self._rows, _LONG(DEPTH), self._depths, _LONG(ROWS * DEPTH)
        tiles.clear_here(self._builder, row_tiles)
        tiles.add_here(self._builder, "tdpbusd", row_tiles, rows, self._weights)
        tiles.write_here(self._builder, row_tiles, self._sums, _LONG(4 * OUTPUTS))

    def add_up_vectors(self, row_count: int, lanes: int, at_once: int) -> None:
        """``at_once``: rows, so that their sums stay in registers."""
        for first in range(0, row_count, at_once):
            self._add_up_rows(range(first, first + at_once), lanes)

    def _add_up_rows(self, rows: range, lanes: int) -> None:
        builder = self._builder
        vector = ir.VectorType(_INT, lanes)
        places = [(r, output) for r in rows for output in range(0, OUTPUTS, lanes)]
        sums = {place: cgutils.alloca_once(builder, vector) for place in places}
        for place in places:
            builder.store(vector(None), sums[place])
        with (
            cgutils.for_range(builder, self._depths) as block,
            cgutils.for_range(builder, _LONG(DEPTH // 4)) as loop,
        ):
            offset = builder.mul(loop.index, _LONG(4 * LANES))
            weights = {}
            for output in range(0, OUTPUTS, lanes):
                half, lane = divmod(output, LANES)
                pointer = builder.gep(self._weight(block.index, half), [offset])
                pointer = builder.gep(pointer, [_LONG(4 * lane)])
                weights[output] = vectors.load(builder, pointer, vector, align=1)
            for r in rows:
                at = builder.mul(loop.index, _LONG(4))
                four = builder.gep(self._row(r, block.index), [at])
                four = builder.load(builder.bitcast(four, _INT.as_pointer()), align=1)
                everywhere = vectors.everywhere(builder, four, lanes)
                for output, weight in weights.items():
                    total = builder.load(sums[r, output])
                    name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
                    total = vectors.call(builder, name, vector, [total, everywhere, weight])
                    builder.store(total, sums[r, output])
        for r, output in places:
            pointer = builder.bitcast(self._sum(r, output), vector.as_pointer())
            builder.store(builder.load(sums[r, output]), pointer, align=4)

    def _row(self, row: int, depth: Any) -> Any:
        at = self._builder.mul(depth, _LONG(ROWS * DEPTH))
        return self._builder.gep(self._rows, [self._builder.add(at, _LONG(row * DEPTH))])

    def _weight(self, depth: Any, half: int) -> Any:
        at = self._builder.mul(depth, _LONG(_HALVES * _HALF_BYTES))
        return self._builder.gep(self._weights, [self._builder.add(at, _LONG(half * _HALF_BYTES))])

    def _sum(self, row: int, output: int) -> Any:
        return self._builder.gep(self._sums, [_LONG(4 * (OUTPUTS * row + output))])
