"""Products are counted as a hop calls for them, and its kernels are left as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hop import bounds_ms
from benchmarks.products import (
    halved_product_rate,
    noted_products,
    product_rate,
    quantised_product_rate,
    read_rate,
)
from dsp.networks import phoenix_hop_kernels, rocknet_hop_kernels
from dsp.networks.bfloat_products import zeros_with_room
from dsp.networks.phoenix_shape import BINS
from dsp.networks.products import (
    Arithmetic,
    has_bytes,
    has_halves,
    in_bytes,
    in_floats,
    in_halves,
)
from dsp.networks.registry import load_model

SIZES = st.integers(1, 40)
needs_eight_bits = pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here")
needs_halves = pytest.mark.skipif(not has_halves(), reason="no AMX here")


def multiply(weights, values, step, rows):
    """As a kernel of a hop finds it."""
    return phoenix_hop_kernels.multiply(weights, values, step, rows)


def square(size, arrange=in_floats):
    return arrange(np.ones((size, size), np.float32), None)


def ones(size):
    return np.ones(size, np.float32)


@given(rows=SIZES, inputs=SIZES, outputs=SIZES, step=SIZES)
def test_each_product_is_noted_with_its_rows_and_its_cost(rows, inputs, outputs, step):
    weights = in_floats(np.ones((outputs, inputs), np.float32), None)
    values = np.arange((rows - 1) * step + inputs + 3, dtype=np.float32)
    (product,) = noted_products(lambda: multiply(weights, values, step, rows))
    assert product.weights is weights
    assert np.array_equal(product.rows, [values[r * step :][:inputs] for r in range(rows)])
    assert product.operations == 2 * rows * inputs * outputs


@pytest.mark.parametrize(
    "arrange",
    [
        in_floats,
        pytest.param(in_halves, marks=needs_halves),
        pytest.param(in_bytes, marks=needs_eight_bits),
    ],
)
@given(rows=SIZES, inputs=SIZES, outputs=SIZES)
def test_weights_that_are_zero_cost_nothing(arrange, rows, inputs, outputs):
    matrix = np.ones((outputs, inputs), np.float32)
    matrix[0, 1:] = 0.0
    values = ones(rows * inputs)
    (product,) = noted_products(lambda: multiply(arrange(matrix, None), values, inputs, rows))
    assert product.operations == 2 * rows * (inputs * outputs - inputs + 1)


@needs_halves
def test_rows_in_bfloat16_are_noted_as_floats():
    values = np.arange(8, dtype=np.float32)
    halves = zeros_with_room((8,), np.uint16, 4, 2)
    halves[:] = values.view(np.uint32) >> 16
    weights = square(4, in_halves)
    (noted,) = noted_products(lambda: multiply(weights, halves, 4, 2))
    assert np.array_equal(noted.rows, values.reshape(2, 4))


def test_what_is_noted_is_the_input_of_then():
    weights, x = square(3), ones(3)
    (noted,) = noted_products(lambda: (multiply(weights, x, 3, 1), x.fill(0.0)))
    assert noted.rows.tolist() == [[1, 1, 1]]


def test_products_are_computed_as_ever_and_no_longer_noted_afterwards():
    weights, results = square(3), []
    noted = noted_products(lambda: results.append(multiply(weights, ones(3), 3, 1)))
    results.append(multiply(weights, ones(3), 3, 1))
    assert [result.tolist() for result in results] == [[[3, 3, 3]]] * 2
    assert len(noted) == 1


def test_every_product_of_a_hop_is_noted_and_the_hop_is_as_ever():
    noise = np.random.default_rng(0).standard_normal((2, 512)).astype(np.float32)
    model = load_model("phoenix")
    light, live, usual = (model.separator(name) for name in ("live-light", "live", "live"))
    of_trunk_and_head = 2 * len(light._step._trunk.layers.parts.levels) + 1 + 3  # no past is due
    assert len(noted_products(lambda: light.push(noise))) == of_trunk_and_head
    heard = []
    noted = noted_products(lambda: heard.append(live.push(noise)))
    assert np.array_equal(heard[0], usual.push(noise))
    of_unet = 4 * 3 + 4 * 2  # shallow levels down and up; no step of the deep ones here
    assert len(noted) == of_trunk_and_head + of_unet
    assert {len(product.rows) for product in noted} >= {BINS, BINS // 2}


@pytest.mark.parametrize("module", [phoenix_hop_kernels, rocknet_hop_kernels])
def test_a_run_that_fails_leaves_the_kernels_alone(module):
    before = dict(vars(module))
    with pytest.raises(ZeroDivisionError):
        noted_products(lambda: 1 / 0)
    assert vars(module) == before


@pytest.fixture
def rates(monkeypatch):
    """A core of known speed: 1e6 operations and 1e9 bytes a second, bytes four times as fast."""
    monkeypatch.setattr("benchmarks.hop.product_rate", lambda: 1e6)
    monkeypatch.setattr("benchmarks.hop.halved_product_rate", lambda: 2e6)
    monkeypatch.setattr("benchmarks.hop.quantised_product_rate", lambda: 4e6)
    monkeypatch.setattr("benchmarks.hop.read_rate", lambda: 1e9)


@pytest.mark.usefixtures("rates")
def test_bounds_are_means_of_the_hops():
    weights, x = square(10), ones(50)
    push = lambda hop: [multiply(weights, x, 10, 5) for _ in range(int(hop))]  # noqa: E731
    found = bounds_ms(push, [1, 3])
    assert found["arithmetic"] == pytest.approx(1e3 * 2 * (2 * 5 * 10 * 10) / 1e6)
    assert found["roofline"] == found["arithmetic"]


@pytest.mark.usefixtures("rates")
def test_where_reading_weights_takes_longer_that_is_the_bound(monkeypatch):
    monkeypatch.setattr("benchmarks.hop.read_rate", lambda: 1e3)
    weights = square(10)
    found = bounds_ms(lambda _: multiply(weights, ones(10), 10, 1), [1])
    assert found["arithmetic"] == pytest.approx(1e3 * 2 * 100 / 1e6)
    at_a_byte_a_millisecond = weights.arranged.floats.nbytes
    assert found["roofline"] == pytest.approx(at_a_byte_a_millisecond)


def test_what_has_no_products_has_no_bounds():
    assert bounds_ms(lambda _: None, [1, 2]) == {}


@needs_eight_bits
def test_a_product_of_bytes_is_told_apart():
    plain, quantised = square(8), square(8, in_bytes)
    noted = noted_products(lambda: [multiply(w, ones(32), 8, 4) for w in (quantised, plain)])
    kinds = [product.weights.arithmetic for product in noted]
    assert kinds == [Arithmetic.EIGHT_BITS, Arithmetic.FLOAT32]
    assert {product.operations for product in noted} == {2 * 4 * 8 * 8}


@needs_eight_bits
@pytest.mark.usefixtures("rates")
def test_products_of_bytes_count_at_the_rate_of_bytes():
    both = [square(8), square(8, in_bytes)]
    found = bounds_ms(lambda _: [multiply(w, ones(32), 8, 4) for w in both], [1])
    assert found["arithmetic"] == pytest.approx(1e3 * 2 * 4 * 8 * 8 * (1 / 1e6 + 1 / 4e6))
    assert noted_products(lambda: multiply(both[1], ones(32), 8, 4))[0].weight_bytes == 32 * 64


@needs_halves
def test_a_product_of_rows_in_pieces_is_noted_with_whole_rows():
    weights = in_halves(np.ones((3, 4), np.float32), None, taps=2)
    values = np.arange(200, dtype=np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    offsets, run = np.array([0, 10]), phoenix_hop_kernels
    (noted,) = noted_products(lambda: run.multiply_taps(weights, halves, offsets, 3, 2))
    assert noted.rows.tolist() == [[0, 1, 10, 11], [3, 4, 13, 14]]
    assert noted.operations == 2 * 2 * 4 * 3
    assert noted.weight_bytes == weights.arranged.halves.nbytes


@needs_halves
@pytest.mark.usefixtures("rates")
def test_products_in_bfloat16_count_at_their_own_rate():
    weights = square(8, in_halves)
    found = bounds_ms(lambda _: multiply(weights, ones(32), 8, 4), [1])
    assert found["arithmetic"] == pytest.approx(1e3 * 2 * 4 * 8 * 8 / 2e6)


@needs_eight_bits
def test_shorter_numbers_are_multiplied_faster():
    assert quantised_product_rate() > product_rate()
    assert halved_product_rate() > 0


def test_the_core_has_rates():
    assert product_rate() > 0
    assert 1e8 < read_rate() < 1e12
