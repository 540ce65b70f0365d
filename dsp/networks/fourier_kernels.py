"""The discrete Fourier transform inside a hop's kernel.

A call of a library's from Python costs several times its transform, once in a hop, when all that
Python needs has left the caches. Sixteen transforms of every sixteenth number run side by side in
lanes, by Stockham's algorithm with radix 4; one of sixteen numbers over the lanes joins them.

Reference: Van Loan, "Computational Frameworks for the Fast Fourier Transform", 1992, 1.7 and 3.3.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from dsp.networks import aligned
from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES, load, spread, store, transpose

if TYPE_CHECKING:
    from dsp.separator import FloatArray

RADIX = 4


class Transform(NamedTuple):
    """What a transform needs of one size; all streams share it."""

    turns: FloatArray  # [butterfly, (1, 2, 3), (real, imaginary)] of all passes
    lane_turns: FloatArray  # [(real, imaginary), number / 16, lane]
    last_turns: FloatArray  # [4, 4, (real, imaginary)] of the sixteen over the lanes


@cache
def make_transform(size: int) -> Transform:
    """Make the tables for ``size`` complex numbers; ValueError unless 256 times a power of 4."""
    each = size // LANES
    passes = (each.bit_length() - 1) // 2
    if each < LANES or size != LANES * RADIX**passes:
        raise ValueError(f"transform of {size} numbers: 256 times a power of 4 expected")
    sizes = [RADIX**k for k in range(passes, 0, -1)]
    turns = [_turns(n, np.arange(n // RADIX)[:, None] * np.arange(1, RADIX)) for n in sizes]
    lane_turns = _turns(size, np.outer(np.arange(each), np.arange(LANES)))
    last_turns = _turns(LANES, np.outer(np.arange(RADIX), np.arange(RADIX)))
    return Transform(
        np.concatenate(turns),
        aligned.copied(np.moveaxis(lane_turns, -1, 0)),
        last_turns,
    )


def _turns(size: int, numbers: Any) -> FloatArray:
    turned = np.exp(-2j * np.pi / size * numbers)
    return np.stack([turned.real, turned.imag], axis=-1).astype(np.float32)


@kernel
def transform(tables: Transform, values: FloatArray, other: FloatArray) -> FloatArray:
    """Return the transform of ``values`` [(real, imaginary), number].

    It lies in one of the two, ``other`` is like ``values``; both are overwritten. With real and
    imaginary parts exchanged, in and out, it is the inverse transform times the size.
    """
    size = values.shape[1]
    apart, count, turn = 1, size // LANES // RADIX, 0
    while count > 0:
        _pass(tables.turns[turn : turn + count], apart, values, other)
        values, other = other, values
        apart, count, turn = apart * RADIX, count // RADIX, turn + count
    _join_lanes(tables, values, other)
    return other


@kernel
def _pass(turns: FloatArray, apart: int, values: FloatArray, other: FloatArray) -> None:
    """Combine vectors that lie a quarter of the whole apart."""
    size = values.shape[1]
    quarter = size // RADIX
    for p in range(turns.shape[0]):
        real_1, imaginary_1 = spread(turns[p, 0, 0]), spread(turns[p, 0, 1])
        real_2, imaginary_2 = spread(turns[p, 1, 0]), spread(turns[p, 1, 1])
        real_3, imaginary_3 = spread(turns[p, 2, 0]), spread(turns[p, 2, 1])
        for q in range(apart):
            at, place = (p * apart + q) * LANES, (RADIX * p * apart + q) * LANES
            r0, r1, r2, r3, i0, i1, i2, i3 = _of_four(
                load(values, at, LANES),
                load(values, at + quarter, LANES),
                load(values, at + 2 * quarter, LANES),
                load(values, at + 3 * quarter, LANES),
                load(values, at + size, LANES),
                load(values, at + size + quarter, LANES),
                load(values, at + size + 2 * quarter, LANES),
                load(values, at + size + 3 * quarter, LANES),
            )
            r1, i1 = _times(r1, i1, real_1, imaginary_1)
            r2, i2 = _times(r2, i2, real_2, imaginary_2)
            r3, i3 = _times(r3, i3, real_3, imaginary_3)
            step = apart * LANES
            store(r0, other, place, LANES)
            store(r1, other, place + step, LANES)
            store(r2, other, place + 2 * step, LANES)
            store(r3, other, place + 3 * step, LANES)
            store(i0, other, size + place, LANES)
            store(i1, other, size + place + step, LANES)
            store(i2, other, size + place + 2 * step, LANES)
            store(i3, other, size + place + 3 * step, LANES)


@kernel
def _join_lanes(tables: Transform, values: FloatArray, other: FloatArray) -> None:
    """Combine the sixteen lanes' transforms: of sixteen numbers of each at a time, turned."""
    size = values.shape[1]
    each, block = size // LANES, LANES * LANES
    turned = aligned.empty(2 * block, np.float32)
    columns = aligned.empty(2 * block, np.float32)
    for first in range(0, each, LANES):
        for r in range(LANES):
            at = (first + r) * LANES
            real, imaginary = load(values, at, LANES), load(values, size + at, LANES)
            by_real = load(tables.lane_turns, at, LANES)
            by_imaginary = load(tables.lane_turns, size + at, LANES)
            real, imaginary = _times(real, imaginary, by_real, by_imaginary)
            store(real, turned, r * LANES, LANES)
            store(imaginary, turned, block + r * LANES, LANES)
        transpose(turned, 0, columns, 0)
        transpose(turned, block, columns, block)
        for b in range(RADIX):
            at, step = b * LANES, RADIX * LANES
            r0, r1, r2, r3, i0, i1, i2, i3 = _of_four(
                load(columns, at, LANES),
                load(columns, at + step, LANES),
                load(columns, at + 2 * step, LANES),
                load(columns, at + 3 * step, LANES),
                load(columns, block + at, LANES),
                load(columns, block + at + step, LANES),
                load(columns, block + at + 2 * step, LANES),
                load(columns, block + at + 3 * step, LANES),
            )
            turns = tables.last_turns
            real_1, imaginary_1 = spread(turns[b, 1, 0]), spread(turns[b, 1, 1])
            real_2, imaginary_2 = spread(turns[b, 2, 0]), spread(turns[b, 2, 1])
            real_3, imaginary_3 = spread(turns[b, 3, 0]), spread(turns[b, 3, 1])
            r1, i1 = _times(r1, i1, real_1, imaginary_1)
            r2, i2 = _times(r2, i2, real_2, imaginary_2)
            r3, i3 = _times(r3, i3, real_3, imaginary_3)
            store(r0, columns, at, LANES)
            store(r1, columns, at + step, LANES)
            store(r2, columns, at + 2 * step, LANES)
            store(r3, columns, at + 3 * step, LANES)
            at += block
            store(i0, columns, at, LANES)
            store(i1, columns, at + step, LANES)
            store(i2, columns, at + 2 * step, LANES)
            store(i3, columns, at + 3 * step, LANES)
        for k in range(RADIX):
            at = RADIX * k * LANES
            r0, r1, r2, r3, i0, i1, i2, i3 = _of_four(
                load(columns, at, LANES),
                load(columns, at + LANES, LANES),
                load(columns, at + 2 * LANES, LANES),
                load(columns, at + 3 * LANES, LANES),
                load(columns, block + at, LANES),
                load(columns, block + at + LANES, LANES),
                load(columns, block + at + 2 * LANES, LANES),
                load(columns, block + at + 3 * LANES, LANES),
            )
            place, step = each * k + first, RADIX * each
            store(r0, other, place, LANES)
            store(r1, other, place + step, LANES)
            store(r2, other, place + 2 * step, LANES)
            store(r3, other, place + 3 * step, LANES)
            store(i0, other, size + place, LANES)
            store(i1, other, size + place + step, LANES)
            store(i2, other, size + place + 2 * step, LANES)
            store(i3, other, size + place + 3 * step, LANES)


@njit(inline="always")
def _times(real: Any, imaginary: Any, by_real: Any, by_imaginary: Any) -> Any:
    """Return the product of complex numbers in lanes, its real and its imaginary part."""
    turned = real * by_imaginary + imaginary * by_real
    return real * by_real - imaginary * by_imaginary, turned


@njit(inline="always")
def _of_four(  # noqa: PLR0917 - no array is an argument of what is inlined in an inner loop
    r0: Any, r1: Any, r2: Any, r3: Any, i0: Any, i1: Any, i2: Any, i3: Any
) -> Any:
    """Return the transform of four numbers, first all real parts, then all imaginary ones."""
    sum_r, sum_i, gap_r, gap_i = r0 + r2, i0 + i2, r0 - r2, i0 - i2
    odd_r, odd_i, turn_r, turn_i = r1 + r3, i1 + i3, r1 - r3, i1 - i3
    return (
        sum_r + odd_r,
        gap_r + turn_i,
        sum_r - odd_r,
        gap_r - turn_i,
        sum_i + odd_i,
        gap_i - turn_r,
        sum_i - odd_i,
        gap_i + turn_r,
    )
