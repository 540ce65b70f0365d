"""Products in bfloat16: floats cut to their first 16 bits, sums in 32; with AMX only.

For products that are too small, or too near the sound, for eight bits: three times as fast as 32
bits, and 30 dB nearer to them than eight. Rows need not be gathered: they are read where they lie,
overlapping, in pieces.

Reference: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from dsp.networks import aligned, lanes, tiles
from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES
from dsp.networks.processor import features, tiles_are_granted
from dsp.networks.tiles import OUTPUTS, ROW_TILES, TILE_ROWS

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.lanes import HalfArray, LaneArray
    from dsp.separator import FloatArray

DEPTH = 32
"""Inputs come in multiples of it; zeros are in the place of those that there are not."""

ROWS = ROW_TILES * TILE_ROWS
"""Of a block."""

ARRANGED_AXES = 6
"""Of weights in the order of blocks, see `arrange`."""


def is_available() -> bool:
    """Whether this processor, its operating system and Numba's compiler have them."""
    return "amx-bf16" in features() and tiles_are_granted()


def arrange(weights: FloatArray, taps: int = 1) -> HalfArray:
    """Bring [out, (tap, in)] into the order of blocks: [out / 32, tap * in / 32, 2, 16, 16, 2].

    Of 32 outputs and 32 inputs, the first 16 outputs and then the others; of these, two
    neighbouring inputs of each output, then the next two. Rounded to the nearest.
    """
    outputs, inputs = weights.shape[0], weights.shape[1] // taps
    shape = (-(-outputs // OUTPUTS) * OUTPUTS, taps, depths_of(inputs) * DEPTH)
    padded = np.zeros(shape, np.float32)
    padded[:outputs, :, :inputs] = weights.reshape(outputs, taps, inputs)
    halves = np.empty(padded.size, np.uint16)
    convert(padded.reshape(-1), padded.size, halves)
    blocks = halves.reshape(-1, 2, TILE_ROWS, taps * shape[2] // DEPTH, DEPTH // 2, 2)
    return aligned.copied(blocks.transpose(0, 3, 1, 4, 2, 5))


def depths_of(inputs: int) -> int:
    """Return how many times ``DEPTH`` holds so many inputs."""
    return -(-inputs // DEPTH)


@kernel
def room_behind(step: int, rows: int) -> int:
    """Return how many values behind the last row may be read; the first ``DEPTH`` must be finite.

    Those are multiplied by zeros, the others make up rows of which nothing is kept.
    """
    return -rows % ROWS * step + DEPTH


def zeros_with_room(
    shape: tuple[int, ...], kind: type[np.generic], step: int, rows: int
) -> LaneArray:
    """Make an array whose rows, a step apart, may be multiplied where they lie."""
    size = math.prod(shape)
    values = aligned.zeros((size + room_behind(step, rows),), kind)
    return values[:size].reshape(shape)


@kernel
def empty_with_room(count: int, kind: Any, room: int) -> Any:
    """Make such an array inside a kernel, flat; its values are whatever was there."""
    values = aligned.empty(count + room, kind)
    clear(values, count, count + DEPTH)
    return values[:count]


@kernel
def convert(values: FloatArray, count: int, halves: HalfArray) -> None:
    """Round the first ``count`` of ``values``, flat, to bfloat16."""
    for k in range(0, count, LANES):
        lanes.store(lanes.load(values, k, count - k), halves, k, count - k)


@kernel
def clear(values: LaneArray, begin: int, end: int) -> None:
    """Write zeros."""
    none = lanes.spread(np.float32(0.0))
    for k in range(begin, end, LANES):
        lanes.store(none, values, k, end - k)


@kernel
def multiply(  # noqa: PLR0917 - Numba takes arrays by position
    halves: HalfArray,
    offsets: npt.NDArray[np.int64],
    step: int,
    weights: HalfArray,
    bias: FloatArray,
    product: FloatArray,
) -> None:
    """Write ``product`` [row, out] of rows that may overlap, each in some pieces, its taps.

    Tap ``t`` of row ``r`` begins at ``offsets[t] + r * step`` of ``halves``, which go on behind the
    last as `room_behind` tells. ``weights`` are as `arrange` has them, ``bias`` [out] in whole
    blocks. What a row gives depends on that row alone, to the last bit.
    """
    (rows, outputs), taps = product.shape, offsets.shape[0]
    depths = weights.shape[1] // taps
    sums = aligned.empty(ROWS * OUTPUTS, np.float32).reshape(ROWS, OUTPUTS)
    tiles.begin()
    for r in range(0, rows, ROWS):
        for block in range(weights.shape[0]):
            output = block * OUTPUTS
            _start(bias, output)
            for tap in range(taps):
                at = (block * taps + tap) * depths * DEPTH * OUTPUTS
                _add(halves, offsets[tap] + r * step, step, depths, weights, at)
            if r + ROWS <= rows and output + OUTPUTS <= outputs:
                _write(product, r * outputs + output, outputs)
            else:
                _write(sums, 0, OUTPUTS)
                _copy(sums, output, product, r)
    tiles.end()


@kernel
def _copy(sums: FloatArray, output: int, product: FloatArray, place: int) -> None:
    """Copy what there is of a block, from row ``place`` and ``output`` on."""
    rows, outputs = product.shape
    for r in range(min(rows - place, ROWS)):
        for n in range(0, min(OUTPUTS, outputs - output), LANES):
            left, at = outputs - output - n, (place + r) * outputs + output + n
            lanes.store(lanes.load(sums, r * OUTPUTS + n, LANES), product, at, left)


@intrinsic
def _start(_: Any, bias: Any, output: Any) -> Any:
    """Begin the sums of 32 rows with the bias, from some output on."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        place = lanes.address(context, builder, kinds, arguments)
        tiles.start_here(builder, ROW_TILES, builder.bitcast(place, _POINTER))
        return context.get_dummy_value()

    return types.void(bias, output), generate


@intrinsic
def _add(  # noqa: PLR0917 - Numba takes arguments by position
    _: Any, rows: Any, row_at: Any, step: Any, depths: Any, weights: Any, weight_at: Any
) -> Any:
    """Multiply a tap of 32 rows, a step apart, from value ``row_at`` on; add it to the sums."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        rows, row_at, step, depths, weights, weight_at = (
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(kinds.args, arguments, strict=True)
        )
        first = builder.bitcast(builder.gep(rows, [row_at]), _POINTER)
        given = first, builder.mul(step, _LONG(2)), depths, _LONG(tiles.ROW_BYTES)
        weights = builder.bitcast(builder.gep(weights, [weight_at]), _POINTER)
        tiles.add_here(builder, "tdpbf16ps", ROW_TILES, given, weights)
        return context.get_dummy_value()

    return types.void(rows, row_at, step, depths, weights, weight_at), generate


@intrinsic
def _write(_: Any, sums: Any, at: Any, width: Any) -> Any:
    """Write the sums [32, 32] to rows of ``width``, from value ``at`` on."""

    def generate(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        place = builder.bitcast(lanes.address(context, builder, kinds, arguments), _POINTER)
        tiles.write_here(builder, ROW_TILES, place, builder.mul(arguments[2], _LONG(4)))
        return context.get_dummy_value()

    return types.void(sums, at, width), generate


_LONG = ir.IntType(64)
_POINTER = ir.IntType(8).as_pointer()
