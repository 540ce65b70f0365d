"""Products in eight bits are near the exact ones, row by row, at any level of the input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import byte_products, products
from dsp.networks.byte_products import MULTIPLY, Instructions, available_instructions
from dsp.networks.lanes import LANES
from dsp.networks.products import has_bytes, in_bytes, multiply

needs_any = pytest.mark.skipif(
    not has_bytes(), reason="no products in eight bits here: AMX, AVX512-VNNI, AVX-VNNI missing"
)
with_each = pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(
            one,
            marks=pytest.mark.skipif(
                one not in available_instructions(), reason=f"no {one.name} in this processor"
            ),
        )
        for one in Instructions
    ],
)
levels = st.floats(-20, 20).map(lambda exponent: 10.0**exponent)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def arranged(weight, bias=None):
    return in_bytes(weight.numpy(), None if bias is None else bias.numpy())


def product(weights, x, instructions=None):
    """As a hop computes it, or by instructions of one kind."""
    values, step, rows = x.flatten().numpy(), x.shape[1], len(x)
    if instructions is None:
        return torch.from_numpy(multiply(weights, values, step, rows))
    given = np.empty((rows, weights.outputs), np.float32)
    arranged = weights.arranged
    MULTIPLY[instructions](values, step, 1, 0, step, arranged.bytes, arranged.affine, given)
    return torch.from_numpy(given)


def quantised(values, step, width, rows, place=0):
    """Quantise ``rows`` overlapping rows, to ``place`` and on: bytes, scale, offset."""
    whole, depths = -(-width // LANES) * LANES, -(-width // byte_products.DEPTH)
    blocks = -(-(place + rows) // byte_products.ROWS)
    steps = np.full((blocks, depths, byte_products.ROWS, byte_products.DEPTH), 77, np.uint8)
    scales = np.empty((place + rows, 2), np.float32)
    byte_products.quantise_rows(values, 0, step, width, steps, scales, place, rows)
    in_rows = steps.swapaxes(1, 2).reshape(-1, depths * byte_products.DEPTH)
    assert np.all(in_rows[:place] == 77)
    assert np.all(in_rows[place + rows :] == 77)
    assert np.all(in_rows[:, whole:] == 77)
    return in_rows[place : place + rows, :width], *scales[place:].T


def bound(weight, x):
    """Half a step of either factor, everywhere at its worst; [row, out]."""
    weight, x = weight.double().abs(), x.double()
    row_steps = (x.amax(1) - x.amin(1)) / 255
    weight_steps = weight.amax(1) / 127
    by_rows = 0.5 * row_steps[:, None] * weight.sum(1)
    largest = x.abs().sum(1) + 0.5 * row_steps * x.shape[1]
    return 1.001 * (by_rows + 0.5 * largest[:, None] * weight_steps)


@settings(deadline=None, max_examples=40)
@given(
    width=st.integers(1, 140),
    rows=st.integers(1, 9),
    place=st.integers(0, 40),
    seed=st.integers(0, 2**16),
    level=levels,
)
def test_a_row_is_its_bytes_to_half_a_step(*, width, rows, place, seed, level):
    step = max(1, width // 2)
    values = np.random.default_rng(seed).standard_normal((rows - 1) * step + width)
    values = (level * values).astype(np.float32)
    steps, scale, offset = quantised(values, step, width, rows, place)
    for r in range(rows):
        row = values[r * step :][:width].astype(np.float64)
        assert offset[r] == row.min().astype(np.float32)
        extent = row.max() - row.min()
        assert scale[r] == pytest.approx(extent / 255, rel=1e-6)
        found = steps[r] * np.float64(scale[r]) + offset[r]
        assert np.abs(found - row).max() <= 0.5001 * extent / 255 + 1e-6 * np.abs(row).max()


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-38, -7.25, 3e30])
def test_a_constant_row_is_exact(value):
    steps, scale, offset = quantised(np.full(20, value, np.float32), 4, 8, 4)
    assert np.all(steps * scale[:, None] + offset[:, None] == np.float32(value))


def test_extremes_keep_their_sign_and_order():
    row = np.array([-0.0, 3.0, -5.0, 2.0, -1e-30, 1e-30], np.float32)
    _, scale, offset = quantised(row, 6, 6, 1)
    assert offset[0] == -5.0
    assert scale[0] == np.float32(8.0) / np.float32(255.0)


@with_each
@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 70),
    inputs=st.integers(1, 150),
    outputs=st.integers(1, 70),
    seed=st.integers(0, 2**16),
)
def test_sums_of_bytes_are_exact(*, instructions, rows, inputs, outputs, seed):
    """Steps of rows and of weights are whole numbers here, so nothing is rounded."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (rows, inputs + 2))
    x[:, 0], x[:, 1] = 0, 255
    weight = rng.integers(-127, 128, (outputs, inputs + 2))
    weight[:, 0] = 127
    weights = arranged(torch.from_numpy(weight).float(), torch.arange(outputs).float())
    found = product(weights, torch.from_numpy(x).float(), instructions).numpy()
    assert np.array_equal(found, x @ weight.T + np.arange(outputs))


@with_each
def test_more_rows_than_are_quantised_at_once_give_what_each_gives(instructions):
    weights = arranged(random(40, 9), random(40))
    x = random(2 * byte_products.ROWS_AT_ONCE + 17, 9, seed=1)
    starts = range(0, len(x), 100)
    parts = [product(weights, x[start : start + 100], instructions) for start in starts]
    assert torch.equal(product(weights, x, instructions), torch.cat(parts))


@with_each
@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 40),
    biased=st.booleans(),
    seed=st.integers(0, 2**16),
    level=levels,
    uneven=st.floats(0, 3),
)
def test_product_is_within_the_bound(*, instructions, rows, biased, seed, level, uneven):
    loudness = 10 ** (uneven * random(rows, 1, seed=seed + 2))
    weight, x = random(13, 50, seed=seed), level * loudness * random(rows, 50, seed=seed + 1)
    bias = level * random(13, seed=seed) if biased else None
    exact = x.double() @ weight.double().T + (bias.double() if biased else 0)
    actual = product(arranged(weight, bias), x, instructions)
    rounding = 1e-5 * level * loudness.double().clamp(min=1.0)
    assert ((actual - exact).abs() <= bound(weight, x) + rounding).all()


@needs_any
@settings(deadline=None, max_examples=20)
@given(exponent=st.integers(-60, 60))
def test_twice_as_loud_is_twice_the_product_to_the_last_bit(exponent):
    weight, x = random(20, 33), random(7, 33, seed=1)
    weights = arranged(weight)
    assert torch.equal(product(weights, x * 2.0**exponent), product(weights, x) * 2.0**exponent)


@needs_any
@settings(deadline=None, max_examples=20)
@given(row=st.integers(0, 11), level=levels)
def test_a_row_does_not_hear_its_neighbours(row, level):
    weight, x = random(20, 33), random(12, 33, seed=1)
    weights = arranged(weight, random(20))
    alone = product(weights, x[row : row + 1])
    others = level * x
    others[row] = x[row]
    assert torch.equal(product(weights, others)[row : row + 1], alone)


@needs_any
def test_silence_gives_the_bias():
    bias = random(6)
    weights = arranged(random(6, 8), bias)
    assert torch.equal(product(weights, torch.zeros(3, 8)), bias.expand(3, 6))


@needs_any
def test_weights_of_nothing_give_nothing():
    weight = random(6, 8)
    weight[2] = 0.0
    found = product(arranged(weight), random(3, 8))
    assert not found[:, 2].any()
    assert found[:, [0, 1, 3, 4, 5]].all()


@needs_any
def test_overlapping_rows_are_read_where_they_lie():
    line = random(40)
    weights = arranged(random(6, 8))
    apart = line.as_strided((9, 8), (4, 1))
    assert np.array_equal(multiply(weights, line.numpy(), 4, 9), product(weights, apart).numpy())


@with_each
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_widest_sums_neither_overflow_nor_saturate(instructions, sign):
    weights = arranged(sign * torch.ones(2, 8000))
    x = torch.ones(1, 8000)
    x[0, 0] = 0.0
    found = product(weights, x, instructions).numpy()
    assert found == pytest.approx(np.full((1, 2), sign * 7999.0), rel=1e-6)


def test_a_processor_without_instructions_has_none_and_says_so(monkeypatch):
    monkeypatch.setattr(products, "available_instructions", tuple)
    assert not has_bytes()
    with pytest.raises(ValueError, match="AMX, AVX512-VNNI or AVX-VNNI expected"):
        in_bytes(np.eye(2, dtype=np.float32), None)
