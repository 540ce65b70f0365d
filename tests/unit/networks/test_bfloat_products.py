"""Products in bfloat16 are those of rounded factors, each row as if it were alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import bfloat_products, products
from dsp.networks.aligned import LINE_BYTES
from dsp.networks.bfloat_products import (
    DEPTH,
    arrange,
    clear,
    convert,
    depths_of,
    empty_with_room,
    room_behind,
)
from dsp.networks.products import has_halves, in_halves, multiply, multiply_taps

pytestmark = pytest.mark.skipif(not has_halves(), reason="no AMX here")

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**16)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def halved(values):
    """Round to bfloat16 and back."""
    halves = np.empty(values.size, np.uint16)
    convert(np.ascontiguousarray(values).reshape(-1), values.size, halves)
    return as_floats(halves).reshape(values.shape)


def as_floats(halves):
    return (halves.astype(np.uint32) << 16).view(np.float32)


def assert_is_product(actual, rows, weight, bias):
    """To the rounding of sums in 32 bits."""
    rows, weight = halved(rows).astype(np.float64), halved(weight).astype(np.float64)
    largest = np.abs(rows) @ np.abs(weight).T + np.abs(bias) + 1
    error = np.abs(actual - (rows @ weight.T + bias))
    assert (error <= 2**-23 * (weight.shape[1] + 1) * largest).all()


@given(count=SIZES, room=st.integers(0, 40), seed=SEEDS)
def test_values_are_rounded_to_eight_bits_and_no_others_written(count, room, seed):
    values = random(count + 5, seed=seed)
    halves = np.full(count + room, 77, np.uint16)
    convert(values, count, halves)
    found = as_floats(halves[:count])
    assert np.all(np.abs(found - values[:count]) <= 2**-8 * np.abs(values[:count]))
    assert np.all(halves[count:] == 77)


@given(begin=SIZES, count=SIZES)
def test_nothing_but_what_is_named_is_cleared(begin, count):
    halves = np.full(100, 77, np.uint16)
    clear(halves, begin, begin + count)
    assert np.flatnonzero(halves == 0).tolist() == list(range(begin, begin + count))


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1.0, 1.0), (1.0 + 2**-8, 1.0), (1.0 + 3 * 2**-8, 1.0 + 2**-6), (-1.0 - 2**-7, -1.0 - 2**-7)],
)
def test_halfway_goes_to_even(value, rounded):
    assert halved(np.array([value], np.float32)) == np.float32(rounded)


@given(outputs=st.integers(1, 70), inputs=SIZES, taps=st.integers(1, 3), seed=SEEDS)
def test_every_weight_is_where_its_block_looks_for_it(outputs, inputs, taps, seed):
    weight = random(outputs, taps * inputs, seed=seed)
    arranged = as_floats(arrange(weight, taps))
    assert arranged.shape == (-(-outputs // 32), taps * depths_of(inputs), 2, 16, 16, 2)
    assert np.count_nonzero(arranged) == np.count_nonzero(weight)
    rng = np.random.default_rng(seed)
    n, tap, k = (int(rng.integers(high)) for high in (outputs, taps, inputs))
    depth = tap * depths_of(inputs) + k // 32
    place = n // 32, depth, n % 32 // 16, k % 32 // 2, n % 16, k % 2
    assert arranged[place] == halved(weight)[n, tap * inputs + k]


@settings(deadline=None)
@given(rows=st.integers(1, 70), inputs=SIZES, outputs=st.integers(1, 70), step=SIZES, seed=SEEDS)
def test_overlapping_rows_are_read_where_they_lie(*, rows, inputs, outputs, step, seed):
    values, weight = random((rows - 1) * step + inputs, seed=seed), random(outputs, inputs)
    bias = random(outputs, seed=seed + 1)
    actual = multiply(in_halves(weight, bias), values, step, rows)
    apart = np.stack([values[r * step :][:inputs] for r in range(rows)])
    assert_is_product(actual, apart, weight, bias)


@settings(deadline=None)
@given(rows=st.integers(1, 40), inputs=SIZES, taps=st.integers(1, 4), seed=SEEDS)
def test_pieces_of_a_row_may_lie_anywhere(rows, inputs, taps, seed):
    rng = np.random.default_rng(seed)
    offsets, step = rng.integers(0, 200, taps), int(rng.integers(1, 20))
    needed = 200 + (rows - 1) * step + inputs
    values, weight = random(needed, seed=seed), random(9, taps * inputs)
    halves = np.zeros(needed + room_behind(step, rows), np.uint16)
    convert(values, needed, halves)
    weights = in_halves(weight, None, taps)
    actual = multiply_taps(weights, halves, offsets, step, rows)
    pieces = [[values[at + r * step :][:inputs] for at in offsets] for r in range(rows)]
    assert_is_product(actual, np.array(pieces).reshape(rows, -1), weight, 0)


@settings(deadline=None)
@given(rows=st.integers(1, 70), row=st.integers(0, 69), seed=SEEDS)
def test_a_row_gives_what_it_gives_alone_to_the_last_bit(rows, row, seed):
    weights, x = in_halves(random(20, 33), random(20)), random(rows, 33, seed=seed)
    row %= rows
    together = multiply(weights, x.reshape(-1), 33, rows)
    assert np.array_equal(together[row], multiply(weights, x[row].copy(), 33, 1)[0])


def test_without_tiles_there_is_none(monkeypatch):
    monkeypatch.setattr(bfloat_products, "tiles_are_granted", lambda: False)
    assert not bfloat_products.is_available()
    monkeypatch.setattr(products, "has_halves", bfloat_products.is_available)
    with pytest.raises(ValueError, match="products in bfloat16: AMX-BF16 expected"):
        in_halves(random(2, 2), None)


@settings(deadline=None)
@given(count=st.integers(1, 99), step=st.integers(1, 40), rows=st.integers(1, 70))
@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_what_a_kernel_makes_with_room_is_followed_by_zeros(kind, count, step, rows):
    room = room_behind(step, rows)
    dirtied, whole = empty_with_room(count, np.dtype(kind), room), count + room
    np.lib.stride_tricks.as_strided(dirtied, (whole,))[:] = 1
    del dirtied  # so that the next one may find the same memory
    values = empty_with_room(count, np.dtype(kind), room)
    assert values.shape == (count,)
    assert values.dtype == kind
    assert values.ctypes.data % LINE_BYTES == 0
    assert not np.lib.stride_tricks.as_strided(values, (whole,))[count : count + DEPTH].any()
