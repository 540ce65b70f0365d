"""Products are near the exact ones, and each row is computed as if it were alone."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.float_products import LANES, arrange, inputs_at_once
from dsp.networks.products import in_floats, multiply

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**16)


def arranged(weight, bias=None):
    return in_floats(weight.numpy(), None if bias is None else bias.numpy())


def product(weights, x):
    return torch.from_numpy(multiply(weights, x.flatten().numpy(), x.shape[1], len(x)))


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(outputs=SIZES, inputs=SIZES, seed=SEEDS)
def test_every_weight_is_where_its_block_looks_for_it(outputs, inputs, seed):
    weights = random(outputs, inputs, seed=seed).numpy()
    arranged = arrange(weights)
    assert arranged.shape == (-(-outputs // LANES), inputs, LANES)
    for n in range(outputs):
        of_last_block = n // LANES == arranged.shape[0] - 1
        shared = inputs_at_once(outputs, inputs) if of_last_block else 1
        lanes = arranged[n // LANES].reshape(-1, LANES // shared, shared)
        assert np.array_equal(lanes[:, n % LANES].flatten()[:inputs], weights[n])
    assert np.count_nonzero(arranged) == np.count_nonzero(weights)


@given(outputs=SIZES, inputs=SIZES)
def test_inputs_share_a_vector_where_outputs_leave_room_for_them(outputs, inputs):
    shared, last = inputs_at_once(outputs, inputs), (outputs - 1) % LANES + 1
    assert shared * last <= LANES
    assert inputs % shared == 0
    twice = 2 * shared
    assert twice > 4 or twice * last > LANES or inputs % twice


@settings(deadline=None)
@given(rows=SIZES, inputs=st.integers(1, 300), outputs=SIZES, biased=st.booleans(), seed=SEEDS)
def test_product_is_exact_to_rounding(*, rows, inputs, outputs, biased, seed):
    weight, x = random(outputs, inputs, seed=seed), random(rows, inputs, seed=seed + 1)
    bias = random(outputs, seed=seed + 2) if biased else None
    exact = x.double() @ weight.double().T + (bias.double() if biased else 0)
    largest = x.double().abs() @ weight.double().abs().T + 10
    error = (product(arranged(weight, bias), x) - exact).abs()
    assert (error <= 2**-24 * (inputs + 1) * largest).all()


@settings(deadline=None)
@given(rows=SIZES, row=st.integers(0, 39), seed=SEEDS)
def test_a_row_gives_what_it_gives_alone_to_the_last_bit(rows, row, seed):
    weights, x = arranged(random(20, 33), random(20)), random(rows, 33, seed=seed)
    row %= rows
    assert torch.equal(product(weights, x)[row : row + 1], product(weights, x[row : row + 1]))


def test_overlapping_rows_are_read_where_they_lie():
    line = random(80)
    weights = arranged(random(6, 8))
    apart = line.as_strided((19, 8), (4, 1))
    assert np.array_equal(multiply(weights, line.numpy(), 4, 19), product(weights, apart).numpy())


def test_result_is_contiguous_and_fresh():
    weights, x = arranged(random(6, 8)), random(3, 8).flatten().numpy()
    first = multiply(weights, x, 8, 3)
    kept = first.copy()
    multiply(weights, 2 * x, 8, 3)
    assert first.flags.c_contiguous
    assert np.array_equal(first, kept)
