"""AMX: a block of up to 32 rows by 32 outputs, added up in the processor's tiles.

A tile has 16 rows of 64 bytes. Four of the eight hold sums, two hold rows and two hold weights, so
that each that is loaded is used twice.

Reference: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dsp.networks import vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

TILE_ROWS = 16
ROW_BYTES = 64
TILE_BYTES = TILE_ROWS * ROW_BYTES
HALVES = 2
"""Tiles of outputs in a block."""

OUTPUTS = HALVES * TILE_ROWS

ROW_TILES = 2
"""The most tiles of rows in a block."""

_TILES = 8
_BYTE, _LONG = ir.IntType(8), ir.IntType(64)
_POINTER = _BYTE.as_pointer()


@intrinsic
def begin(_: Any) -> Any:
    """Give all tiles their shape; before `end`, nothing else may use them."""

    def generate(_: Any, builder: Any, __: Any, ___: Any) -> Any:
        begin_here(builder)
        return cgutils.get_null_value(_LONG)

    return types.int64(), generate


@intrinsic
def end(_: Any) -> Any:
    """Leave the processor as it was."""

    def generate(_: Any, builder: Any, __: Any, ___: Any) -> Any:
        end_here(builder)
        return cgutils.get_null_value(_LONG)

    return types.int64(), generate


def begin_here(builder: Any) -> None:
    """Write what `begin` does: palette 1, every tile of 16 rows of 64 bytes."""
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1
    shapes[16 : 16 + 2 * _TILES].view(np.uint16)[:] = ROW_BYTES
    shapes[48 : 48 + _TILES] = TILE_ROWS
    kind = ir.ArrayType(_BYTE, shapes.size)
    constant = cgutils.global_constant(
        builder, "tile_shapes", ir.Constant(kind, bytearray(shapes.tobytes()))
    )
    _call(builder, "llvm.x86.ldtilecfg", builder.bitcast(constant, _POINTER))


def end_here(builder: Any) -> None:
    """Write what `end` does."""
    _call(builder, "llvm.x86.tilerelease")


def clear_here(builder: Any, row_tiles: int) -> None:
    """Write the beginning of a block: sums of nothing."""
    for tile in range(HALVES * row_tiles):
        _call(builder, "llvm.x86.tilezero", _BYTE(tile))


def start_here(builder: Any, row_tiles: int, row: Any) -> None:
    """Write the beginning of a block in which every row's sums [32] begin with the same."""
    for r, half in _blocks(row_tiles):
        place = builder.gep(row, [_LONG(ROW_BYTES * half)])
        _tile(builder, "load", HALVES * r + half, place, _LONG(0))


def add_here(
    builder: Any, instruction: str, row_tiles: int, rows: Sequence[Any], weights: Any
) -> None:
    """Write the multiplication of a block, whose sums stay in the tiles.

    ``instruction``: tdpbusd or tdpbf16ps. ``rows``: the address of the first, how many bytes on the
    next one begins, how many times 64 of each are read, and how many bytes lie between these.
    ``weights``: where [depth, half, 1024 bytes] begin; those of the next depth are fetched
    meanwhile.
    """
    first_row, row_step, depths, depth_step = rows
    with cgutils.for_range(builder, depths) as loop:
        of_depth = builder.gep(weights, [builder.mul(loop.index, _LONG(HALVES * TILE_BYTES))])
        for half in range(HALVES):
            these = builder.gep(of_depth, [_LONG(half * TILE_BYTES)])
            _tile(builder, "load", 6 + half, these, _LONG(ROW_BYTES))
        for line in range(HALVES * TILE_ROWS, 2 * HALVES * TILE_ROWS):
            _prefetch(builder, builder.gep(of_depth, [_LONG(line * ROW_BYTES)]))
        for r in range(row_tiles):
            at = builder.add(
                builder.mul(row_step, _LONG(TILE_ROWS * r)), builder.mul(loop.index, depth_step)
            )
            _tile(builder, "load", 4 + r, builder.gep(first_row, [at]), row_step)
        for r, half in _blocks(row_tiles):
            tiles = _BYTE(HALVES * r + half), _BYTE(4 + r), _BYTE(6 + half)
            _call(builder, f"llvm.x86.{instruction}", *tiles)


def write_here(builder: Any, row_tiles: int, sums: Any, row_step: Any) -> None:
    """Write how a block's sums get to memory, a row so many bytes behind the one before."""
    for r, half in _blocks(row_tiles):
        of_tile = builder.gep(sums, [builder.mul(row_step, _LONG(TILE_ROWS * r))])
        place = builder.gep(of_tile, [_LONG(ROW_BYTES * half)])
        _tile(builder, "store", HALVES * r + half, place, row_step)


def _blocks(row_tiles: int) -> list[tuple[int, int]]:
    return [(r, half) for r in range(row_tiles) for half in range(HALVES)]


def _prefetch(builder: Any, pointer: Any) -> None:
    """Ask for a line to read: what a tile is loaded with does not come ahead of it by itself."""
    hint = ir.IntType(32)
    _call(builder, "llvm.prefetch.p0", pointer, hint(0), hint(3), hint(1))


def _tile(builder: Any, what: str, tile: int, pointer: Any, stride: Any) -> None:
    _call(builder, f"llvm.x86.tile{what}d64", _BYTE(tile), pointer, stride)


def _call(builder: Any, name: str, *arguments: Any) -> None:
    vectors.call(builder, name, ir.VoidType(), arguments)
