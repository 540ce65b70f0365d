"""What is written in lanes reads and writes what its count says, and computes as floats do."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from numba.core.errors import TypingError

from dsp.networks import lanes
from dsp.networks.lane_functions import to_hyperbolic_tangent, to_logistic
from dsp.networks.lanes import LANES

COUNTS = st.integers(0, 40)
SEEDS = st.integers(0, 2**16)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@njit
def copy(values, at, target, place, count):
    lanes.store(lanes.load(values, at, count), target, place, count)


@given(count=COUNTS, at=st.integers(0, 9), place=st.integers(0, 9))
def test_no_more_is_read_and_written_than_was_said(count, at, place):
    some = min(count, LANES)
    values, target = random(at + some), np.full(place + LANES + 3, 7.0, np.float32)
    copy(values, at, target, place, count)
    expected = np.full(place + LANES + 3, 7.0, np.float32)
    expected[place : place + some] = values[at:]
    assert np.array_equal(target, expected)


def test_an_arrays_values_are_counted_whatever_its_shape():
    values, target = random(3, 4, 5), np.zeros((2, 8), np.float32)
    copy(values, 23, target, 0, 16)
    assert np.array_equal(target.reshape(-1), values.reshape(-1)[23:39])


def halves_of(values):
    """Round floats to the nearest bfloat16, of two the even one, as torch does."""
    return torch.from_numpy(values).to(torch.bfloat16).view(torch.uint16).numpy()


def floats_of(halves):
    return (halves.astype(np.uint32) << 16).view(np.float32)


@given(count=COUNTS, at=st.integers(0, 9), place=st.integers(0, 9), seed=SEEDS)
def test_halves_are_read_as_floats_and_written_to_the_nearest(count, at, place, seed):
    some = min(count, LANES)
    values = random(at + some, seed=seed)
    rounded, widened = np.full(place + LANES, 7, np.uint16), np.zeros(place + LANES, np.float32)
    copy(values, at, rounded, place, count)
    assert np.array_equal(rounded[place : place + some], halves_of(values[at:]))
    assert np.all(np.delete(rounded, np.s_[place : place + some]) == 7)
    copy(rounded, place, widened, place, count)
    assert np.array_equal(widened[place : place + some], floats_of(halves_of(values[at:])))


def test_of_two_halves_as_near_the_even_one_is_written():
    between = np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8], np.float32)
    rounded = np.zeros(3, np.uint16)
    copy(between, 0, rounded, 0, 3)
    assert floats_of(rounded).tolist() == [1.0, 1 + 2**-6, -1.0]


@njit
def compute(a, b, results):
    x, y = lanes.load(a, 0, LANES), lanes.load(b, 0, LANES)
    for k, value in enumerate(
        (x + y, x - y, x * y, x / y, lanes.larger(x, y), lanes.smaller(x, y), lanes.nearest(x))
    ):
        lanes.store(value, results, k * LANES, LANES)
    lanes.store(lanes.spread(a[3]), results, 7 * LANES, LANES)
    return lanes.largest(x), lanes.smallest(x)


@given(seed=SEEDS)
def test_each_lane_is_computed_as_a_float_is(seed):
    a, b = random(2, LANES, seed=seed)
    results = np.zeros((8, LANES), np.float32)
    extremes = compute(a, b, results)
    expected = [a + b, a - b, a * b, a / b, np.maximum(a, b), np.minimum(a, b), np.rint(a)]
    assert np.allclose(results[:-1], expected, rtol=1e-6, atol=0)
    assert np.all(results[-1] == a[3])
    assert extremes == (a.max(), a.min())


@njit
def gate(values, other, target):
    x = lanes.load(values, 0, LANES)
    lanes.store(lanes.where_positive(lanes.even_lanes(x), x, lanes.spread(other)), target, 0, LANES)


@given(seed=SEEDS)
def test_each_pair_is_chosen_by_its_first(seed):
    values, target = random(LANES, seed=seed), np.zeros(LANES, np.float32)
    values[::5] = 0.0
    gate(values, np.float32(9.0), target)
    are_positive = np.repeat(values[::2] > 0, 2)
    assert np.array_equal(target, np.where(are_positive, values, np.float32(9.0)))


@njit
def load_over(other, values, count, target):
    lanes.store(lanes.load_over(lanes.spread(other), values, 0, count), target, 0, LANES)


@given(count=st.integers(0, LANES))
def test_lanes_beyond_the_count_stay_what_they_were(count):
    halves, target = halves_of(random(count)), np.zeros(LANES, np.float32)
    for values in (halves, floats_of(halves)):
        load_over(np.float32(9.0), values, count, target)
        assert np.array_equal(target, [*floats_of(halves), *[9.0] * (LANES - count)])


@njit
def to_bytes(values, target):
    lanes.store_bytes(lanes.load(values, 0, LANES), target, 1)


@njit
def from_integers(values, target):
    lanes.store(lanes.load_integers(values, 1), target, 0, LANES)


def test_bytes_are_rounded_down_and_integers_become_floats():
    values, target = np.linspace(0, 255.9, LANES, dtype=np.float32), np.zeros(18, np.uint8)
    to_bytes(values, target)
    assert np.array_equal(target, [0, *values.astype(np.uint8), 0])
    integers, floats = np.arange(-5, 15, dtype=np.int32), np.zeros(LANES, np.float32)
    from_integers(integers, floats)
    assert np.array_equal(floats, integers[1 : 1 + LANES])


@njit
def powers(values, target):
    lanes.store(lanes.power_of_two(lanes.load(values, 0, LANES)), target, 0, LANES)


def test_powers_of_two_are_exact():
    exponents, target = np.linspace(-126, 127, LANES).round(), np.zeros(LANES, np.float32)
    powers(exponents.astype(np.float32), target)
    assert np.array_equal(target, 2.0**exponents)


@pytest.mark.parametrize("values", [random(20, 2)[:, 0], random(20).astype(np.float64)])
def test_other_arrays_are_refused(values):
    with pytest.raises(TypingError):
        copy(values, 0, np.zeros(16, np.float32), 0, 16)


@given(size=st.integers(1, 50), level=st.sampled_from([1e-3, 1.0, 20.0, 1e6]), seed=SEEDS)
def test_logistic_function_and_hyperbolic_tangent_are_exact_to_rounding(size, level, seed):
    values = np.float32(level) * random(size, seed=seed)
    logistic, tangent = values.copy(), values.copy()
    to_logistic(logistic)
    to_hyperbolic_tangent(tangent)
    exact = np.tanh(0.5 * values.astype(np.float64))
    assert np.abs(logistic - (0.5 + 0.5 * exact)).max() <= 2e-7
    assert np.abs(tangent - np.tanh(values.astype(np.float64))).max() <= 2e-7


@njit
def backwards(values, at, target):
    lanes.store(lanes.load_backwards(values, at), target, 0, LANES)


def test_sixteen_values_are_read_backwards():
    values, target = random(20), np.zeros(LANES, np.float32)
    backwards(values, 3, target)
    assert np.array_equal(target, values[3 : 3 + LANES][::-1])


@njit
def join(real, imaginary, target, at):
    lanes.store_complex(lanes.load(real, 0, LANES), lanes.load(imaginary, 0, LANES), target, at)


def test_two_lanes_are_written_as_complex_numbers_and_nothing_beside_them():
    real, imaginary = random(2, LANES)
    target = np.full(19, 7, np.complex64)
    join(real, imaginary, target, 2)
    assert np.array_equal(target, [7, 7, *(real + 1j * imaginary), 7])


@njit
def transpose(values, at, target, place):
    lanes.transpose(values, at, target, place)


def test_rows_become_columns():
    values, target = random(2 + LANES * LANES), np.full(3 + LANES * LANES, 7.0, np.float32)
    transpose(values, 1, target, 2)
    expected = values[1:-1].reshape(LANES, LANES).T.reshape(-1)
    assert np.array_equal(target, [7.0, 7.0, *expected, 7.0])
