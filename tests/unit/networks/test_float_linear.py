"""Products are near the exact ones, and each row is computed as if it were alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import float_linear
from dsp.networks.float_linear import BRIEF, LANES, FloatLinear, arrange
from dsp.networks.rows import Rows

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**16)


def product(linear, x):
    return torch.from_numpy(linear(Rows.of(x.contiguous().numpy())))


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(outputs=SIZES, inputs=SIZES, seed=SEEDS)
def test_every_weight_is_where_its_block_looks_for_it(outputs, inputs, seed):
    weights = random(outputs, inputs, seed=seed).numpy()
    arranged = arrange(weights)
    assert arranged.shape == (-(-outputs // LANES), inputs, LANES)
    for n in range(arranged.shape[0] * LANES):
        found = arranged[n // LANES, :, n % LANES]
        assert np.array_equal(found, weights[n] if n < outputs else np.zeros(inputs))


@settings(deadline=None)
@given(rows=SIZES, inputs=st.integers(1, 300), outputs=SIZES, biased=st.booleans(), seed=SEEDS)
def test_product_is_exact_to_rounding(*, rows, inputs, outputs, biased, seed):
    weight, x = random(outputs, inputs, seed=seed), random(rows, inputs, seed=seed + 1)
    bias = random(outputs, seed=seed + 2) if biased else None
    exact = x.double() @ weight.double().T + (bias.double() if biased else 0)
    largest = x.double().abs() @ weight.double().abs().T + 10
    error = (product(FloatLinear(weight, bias), x) - exact).abs()
    assert (error <= 2**-24 * (inputs + 1) * largest).all()


@settings(deadline=None)
@given(rows=SIZES, row=st.integers(0, 39), seed=SEEDS)
def test_a_row_gives_what_it_gives_alone_to_the_last_bit(rows, row, seed):
    linear, x = FloatLinear(random(20, 33), random(20)), random(rows, 33, seed=seed)
    row %= rows
    assert torch.equal(product(linear, x)[row : row + 1], product(linear, x[row : row + 1]))


@pytest.mark.parametrize("more", [-1, 0])
def test_long_products_give_the_lock_away_and_brief_ones_do_not(monkeypatch, more):
    called = []
    for name in ("_multiply_briefly", "_multiply_at_length"):
        monkeypatch.setattr(float_linear, name, lambda *_, name=name: called.append(name))
    linear = FloatLinear(random(LANES, 1000), None)
    rows = BRIEF // (1000 * LANES) + 1 + more
    linear(Rows.of(random(rows, 1000).numpy()))
    assert called == ["_multiply_briefly" if more else "_multiply_at_length"]


def test_overlapping_rows_are_read_where_they_lie():
    line = random(80)
    linear = FloatLinear(random(6, 8), None)
    apart = line.as_strided((19, 8), (4, 1))
    assert np.array_equal(linear(Rows(line.numpy(), 4, 19)), product(linear, apart).numpy())


def test_result_is_contiguous_and_fresh():
    linear, x = FloatLinear(random(6, 8), None), random(3, 8).numpy()
    first = linear(Rows.of(x))
    kept = first.copy()
    linear(Rows.of(2 * x))
    assert first.flags.c_contiguous
    assert np.array_equal(first, kept)
