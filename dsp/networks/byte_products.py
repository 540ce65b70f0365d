"""Products in eight bits: rows of floats to bytes, each on its own scale, and their sums to floats.

Sums of bytes are spelt out in the instructions that processors have for them, as LLVM's intrinsics
for Numba: libraries ask for more time per call than most of our products take, and no compiler
finds them in a loop. All of it is one file because Numba compiles anew what it has cached when the
file of a kernel has changed, and looks at no other.

References: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 (AMX)
and volume 2, VPDPBUSD and TDPBUSD.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from dsp.networks.processor import features, tiles_are_granted

if TYPE_CHECKING:
    import numpy.typing as npt

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

ARRANGED_AXES = 6
"""Of weights in the order of blocks, see `arrange`."""

_LARGEST_WEIGHT = 127
_ALL_BUT_SIGN = np.int32(0x7FFFFFFF)
_SIGN_SHIFT = np.int32(31)


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
    blocks = padded.reshape(-1, _HALVES, _LANES, padded.shape[1] // DEPTH, DEPTH // 4, 4)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 4, 2, 5))


def _multiplication(instructions: int) -> Any:
    """Compile the product for some instructions."""

    @njit(cache=True, nogil=True)
    def multiply(  # noqa: PLR0917 - Numba takes arrays by position
        values: FloatArray,
        step: int,
        inputs: int,
        weights: WeightArray,
        affine: FloatArray,
        product: FloatArray,
    ) -> None:
        """Write ``product`` [row, out], a multiple of ``OUTPUTS``, of rows that may overlap.

        Row ``r`` is ``values[r * step : r * step + inputs]`` and must be finite. ``weights`` are as
        `arrange` has them. ``affine`` [3, out]: what one step of a weight is worth,
        the sum of an output's weights, its bias.
        """
        depth = weights.shape[1] * DEPTH
        at_once = min(product.shape[0], ROWS_AT_ONCE)
        quantised = np.zeros((-(-at_once // ROWS) * ROWS, depth), np.uint8)
        scales = np.empty((2, at_once), np.float32)
        sums = np.empty((ROWS, OUTPUTS), np.int32)
        flat, blocks = quantised.reshape(-1), weights.reshape(-1)
        begin(instructions)
        for first in range(0, product.shape[0], ROWS_AT_ONCE):
            some = product[first : first + ROWS_AT_ONCE]
            quantise_rows(
                values[first * step :], step, inputs, quantised, scales[:, : some.shape[0]]
            )
            for block in range(weights.shape[0]):
                at = block * OUTPUTS * depth
                for r in range(0, some.shape[0], ROWS):
                    if some.shape[0] - r > FEW_ROWS:
                        add_up(instructions, ROWS, flat, r * depth, depth, blocks, at, sums)
                    else:
                        add_up(instructions, FEW_ROWS, flat, r * depth, depth, blocks, at, sums)
                    _restore(sums, scales[:, r:], affine, block * OUTPUTS, some[r : r + ROWS])
        end(instructions)

    return multiply


MULTIPLY = {instructions: _multiplication(int(instructions)) for instructions in Instructions}


@njit(cache=True)
def quantise_rows(
    values: FloatArray, step: int, inputs: int, quantised: ByteArray, scales: FloatArray
) -> None:
    """Write each row as bytes times a scale plus an offset: its own extremes, evenly.

    Row ``r``, as many as ``scales`` [(scale, offset), row] has room for, is of
    ``values[r * step : r * step + inputs]``, which must be finite. ``quantised`` [row, inputs or
    more].
    """
    extremes = np.empty(2, np.float32)
    for r in range(scales.shape[1]):
        row, steps_of_row = values[r * step : r * step + inputs], quantised[r, :inputs]
        _find_extremes(row.view(np.int32), extremes.view(np.int32))
        lowest, extent = extremes[0], extremes[1] - extremes[0]
        steps = LARGEST_BYTE / extent if extent > LEAST_EXTENT else np.float32(0.0)
        for k in range(inputs):
            steps_of_row[k] = np.uint8(np.int32((row[k] - lowest) * steps + np.float32(0.5)))
        scales[0, r], scales[1, r] = extent / LARGEST_BYTE, lowest


@njit(cache=True)
def _find_extremes(bits: npt.NDArray[np.int32], extremes: npt.NDArray[np.int32]) -> None:
    """Find the lowest and the highest of some floats, given by their bits, and so returned.

    With all other bits turned over where the sign is set, floats are in the order of integers;
    doing it again undoes it.
    """
    lowest, highest = np.int32(2**31 - 1), np.int32(-(2**31))
    for k in range(bits.shape[0]):
        key = np.int32(bits[k] ^ ((bits[k] >> _SIGN_SHIFT) & _ALL_BUT_SIGN))
        lowest = min(lowest, key)
        highest = max(highest, key)
    extremes[0] = np.int32(lowest ^ ((lowest >> _SIGN_SHIFT) & _ALL_BUT_SIGN))
    extremes[1] = np.int32(highest ^ ((highest >> _SIGN_SHIFT) & _ALL_BUT_SIGN))


@njit(cache=True)
def _restore(
    sums: npt.NDArray[np.int32],
    scales: FloatArray,
    affine: FloatArray,
    output: int,
    product: FloatArray,
) -> None:
    """Write a block of sums of bytes, from ``output`` on, as what they stand for."""
    step, total, bias = affine[0, output:], affine[1, output:], affine[2, output:]
    for r in range(min(product.shape[0], ROWS)):
        by, beyond = scales[0, r], scales[1, r]
        row, found = product[r, output:], sums[r]
        for n in range(OUTPUTS):
            row[n] = np.float32(found[n]) * step[n] * by + beyond * total[n] + bias[n]


@intrinsic
def begin(_: Any, instructions: Any) -> Any:
    """Make the processor ready. ``instructions`` is a constant, here and below."""

    def generate(_: Any, builder: Any, signature: Any, __: Any) -> Any:
        if _chosen(signature) is Instructions.AMX:
            shapes = cgutils.global_constant(builder, "tile_shapes", _tile_shapes())
            _call(builder, "llvm.x86.ldtilecfg", builder.bitcast(shapes, _POINTER))
        return cgutils.get_null_value(_LONG)

    return (types.int64(instructions), generate) if _are_constant(instructions) else None


@intrinsic
def end(_: Any, instructions: Any) -> Any:
    """Leave the processor as it was."""

    def generate(_: Any, builder: Any, signature: Any, __: Any) -> Any:
        if _chosen(signature) is Instructions.AMX:
            _call(builder, "llvm.x86.tilerelease")
        return cgutils.get_null_value(_LONG)

    return (types.int64(instructions), generate) if _are_constant(instructions) else None


@intrinsic
def add_up(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any,
    instructions: Any,
    row_count: Any,
    rows: Any,
    row_at: Any,
    row_bytes: Any,
    weights: Any,
    weight_at: Any,
    sums: Any,
) -> Any:
    """Multiply a block of rows by one of weights: ``sums`` [32, 32] of ``row_count`` rows.

    ``row_count`` is a constant, ``ROWS`` or ``FEW_ROWS``. ``rows`` (uint8) and ``weights`` (int8,
    in the order of `arrange`) lie flat; those of the block begin at ``row_at``, another row every
    ``row_bytes``, a multiple of ``DEPTH``, and at ``weight_at``. ``sums`` is int32.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row_count = signature.args[1].literal_value
        _, _, rows, row_at, row_bytes, weights, weight_at, sums = (
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        rows = builder.gep(builder.bitcast(rows, _POINTER), [row_at])
        weights = builder.gep(builder.bitcast(weights, _POINTER), [weight_at])
        sums = builder.bitcast(sums, _POINTER)
        block = _Block(builder, rows, row_bytes, weights, sums)
        match _chosen(signature):
            case Instructions.AMX:
                block.add_up_tiles(row_count // _LANES)
            case Instructions.AVX512_VNNI:
                block.add_up_vectors(row_count, _LANES, 8)
            case Instructions.AVX_VNNI:
                block.add_up_vectors(row_count, _LANES // 2, 2)
        return cgutils.get_null_value(_LONG)

    signature = types.int64(
        instructions, row_count, rows, row_at, row_bytes, weights, weight_at, sums
    )
    return (signature, generate) if _are_constant(instructions, row_count) else None


_LANES = 16  # outputs of a tile, and of a vector of 512 bits
_HALVES = OUTPUTS // _LANES
_HALF_BYTES = _LANES * DEPTH
_TILES = 8
_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_POINTER = _BYTE.as_pointer()


def _are_constant(*arguments: Any) -> bool:
    """Numba asks twice, the second time with constants as types of their own."""
    return all(isinstance(argument, types.IntegerLiteral) for argument in arguments)


def _chosen(signature: Any) -> Instructions:
    return Instructions(signature.args[0].literal_value)


def _tile_shapes() -> ir.Constant:
    """Palette 1: every tile of 16 rows of 64 bytes."""
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1
    shapes[16 : 16 + 2 * _TILES].view(np.uint16)[:] = DEPTH
    shapes[48 : 48 + _TILES] = _LANES
    return ir.Constant(ir.ArrayType(_BYTE, shapes.size), bytearray(shapes.tobytes()))


def _call(builder: Any, name: str, *arguments: Any, returns: Any = None) -> Any:
    kind = ir.FunctionType(returns or ir.VoidType(), [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


class _Block:
    """Writes the instructions for one block."""

    def __init__(self, builder: Any, rows: Any, row_bytes: Any, weights: Any, sums: Any) -> None:
        self._builder = builder
        self._rows, self._row_bytes = rows, row_bytes
        self._weights, self._sums = weights, sums
        self._depths = builder.udiv(row_bytes, _LONG(DEPTH))

    def add_up_tiles(self, row_tiles: int) -> None:
        """Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights."""
        pairs = [(r, half) for r in range(row_tiles) for half in range(_HALVES)]
        for r, half in pairs:
            _call(self._builder, "llvm.x86.tilezero", _BYTE(_HALVES * r + half))
        with cgutils.for_range(self._builder, self._depths) as loop:
            for half in range(_HALVES):
                self._tile("load", 6 + half, self._weight(loop.index, half), _LONG(DEPTH))
            for r in range(row_tiles):
                self._tile("load", 4 + r, self._row(_LANES * r, loop.index), self._row_bytes)
            for r, half in pairs:
                tiles = _BYTE(_HALVES * r + half), _BYTE(4 + r), _BYTE(6 + half)
                _call(self._builder, "llvm.x86.tdpbusd", *tiles)
        for r, half in pairs:
            place = self._sum(_LANES * r, _LANES * half)
            self._tile("store", _HALVES * r + half, place, _LONG(4 * OUTPUTS))

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
            offset = builder.mul(loop.index, _LONG(4 * _LANES))
            weights = {}
            for output in range(0, OUTPUTS, lanes):
                half, lane = divmod(output, _LANES)
                pointer = builder.gep(self._weight(block.index, half), [offset])
                pointer = builder.gep(pointer, [_LONG(4 * lane)])
                weights[output] = self._load(vector, pointer)
            for r in rows:
                at = builder.mul(loop.index, _LONG(4))
                four = self._load(_INT, builder.gep(self._row(r, block.index), [at]))
                everywhere = self._spread(vector, four)
                for output, weight in weights.items():
                    total = builder.load(sums[r, output])
                    name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"
                    total = _call(builder, name, total, everywhere, weight, returns=vector)
                    builder.store(total, sums[r, output])
        for r, output in places:
            pointer = builder.bitcast(self._sum(r, output), vector.as_pointer())
            builder.store(builder.load(sums[r, output]), pointer, align=4)

    def _row(self, row: int, depth: Any) -> Any:
        at = self._builder.mul(self._row_bytes, _LONG(row))
        return self._builder.gep(
            self._rows, [self._builder.add(at, self._builder.mul(depth, _LONG(DEPTH)))]
        )

    def _weight(self, depth: Any, half: int) -> Any:
        at = self._builder.mul(depth, _LONG(_HALVES * _HALF_BYTES))
        return self._builder.gep(self._weights, [self._builder.add(at, _LONG(half * _HALF_BYTES))])

    def _sum(self, row: int, output: int) -> Any:
        return self._builder.gep(self._sums, [_LONG(4 * (OUTPUTS * row + output))])

    def _tile(self, what: str, tile: int, pointer: Any, stride: Any) -> None:
        _call(self._builder, f"llvm.x86.tile{what}d64", _BYTE(tile), pointer, stride)

    def _load(self, kind: Any, pointer: Any) -> Any:
        pointer = self._builder.bitcast(pointer, kind.as_pointer())
        return self._builder.load(pointer, align=1)

    def _spread(self, vector: Any, value: Any) -> Any:
        """Put one value into every lane."""
        undefined = ir.Constant(vector, ir.Undefined)
        one = self._builder.insert_element(undefined, value, _INT(0))
        lanes = ir.VectorType(_INT, vector.count)(None)
        return self._builder.shuffle_vector(one, undefined, lanes)
