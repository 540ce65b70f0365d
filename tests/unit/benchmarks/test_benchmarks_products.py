"""Products are counted as they are called for, and the network is left as it was."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hop import arithmetic_bound_ms
from benchmarks.products import noted_products, product_rate, quantised_product_rate
from dsp.networks.float_linear import FloatLinear
from dsp.networks.quantised_linear import QuantisedLinear, has_quantised
from dsp.networks.rows import Rows

SIZES = st.integers(1, 40)
needs_eight_bits = pytest.mark.skipif(not has_quantised(), reason="no AMX and no VNNI here")


def ones(rows, inputs):
    return Rows.of(np.ones((rows, inputs), np.float32))


@given(rows=SIZES, inputs=SIZES, outputs=SIZES, step=SIZES)
def test_each_product_is_noted_with_its_rows_and_its_cost(rows, inputs, outputs, step):
    linear = FloatLinear(torch.ones(outputs, inputs), torch.zeros(outputs))
    values = np.arange((rows - 1) * step + inputs + 3, dtype=np.float32)
    (product,) = noted_products(lambda: linear(Rows(values, step, rows)))
    assert product.linear is linear
    assert np.array_equal(product.rows, [values[r * step :][:inputs] for r in range(rows)])
    assert product.operations == 2 * rows * inputs * outputs


def test_what_is_noted_is_the_input_of_then():
    linear, x = FloatLinear(torch.eye(3), None), ones(1, 3)
    (noted,) = noted_products(lambda: (linear(x), x.values.fill(0.0)))
    assert noted.rows.tolist() == [[1, 1, 1]]


def test_products_are_computed_as_ever_and_no_longer_noted_afterwards():
    linear, x = FloatLinear(2 * torch.eye(3), None), ones(1, 3)
    results = []
    noted = noted_products(lambda: results.append(linear(x)))
    results.append(linear(x))
    assert [result.tolist() for result in results] == [[[2, 2, 2]]] * 2
    assert len(noted) == 1


def test_a_run_that_fails_leaves_the_products_alone():
    call = FloatLinear.__call__
    with pytest.raises(ZeroDivisionError):
        noted_products(lambda: 1 / 0)
    assert FloatLinear.__call__ == call


def test_the_bound_is_the_mean_of_the_hops_at_the_rate_of_a_plain_product(monkeypatch):
    monkeypatch.setattr("benchmarks.hop.product_rate", lambda: 1e6)
    linear, x = FloatLinear(torch.eye(10), None), ones(5, 10)
    bound_ms = arithmetic_bound_ms(lambda hop: [linear(x) for _ in range(int(hop))], [1, 3])
    assert bound_ms == pytest.approx(1e3 * 2 * (2 * 5 * 10 * 10) / 1e6)


@needs_eight_bits
def test_a_product_of_bytes_is_told_apart():
    plain, quantised = FloatLinear(torch.eye(8), None), QuantisedLinear(torch.eye(8), None)
    noted = noted_products(lambda: (quantised(ones(4, 8)), plain(ones(4, 8))))
    assert [product.is_quantised for product in noted] == [True, False]
    assert {product.operations for product in noted} == {2 * 4 * 8 * 8}


@needs_eight_bits
def test_products_of_bytes_count_at_the_rate_of_bytes(monkeypatch):
    monkeypatch.setattr("benchmarks.hop.product_rate", lambda: 1e6)
    monkeypatch.setattr("benchmarks.hop.quantised_product_rate", lambda: 4e6)
    linears = [FloatLinear(torch.eye(8), None), QuantisedLinear(torch.eye(8), None)]
    bound_ms = arithmetic_bound_ms(lambda _: [linear(ones(4, 8)) for linear in linears], [1])
    assert bound_ms == pytest.approx(1e3 * 2 * 4 * 8 * 8 * (1 / 1e6 + 1 / 4e6))


@needs_eight_bits
def test_bytes_are_multiplied_faster():
    assert quantised_product_rate() > product_rate()


def test_the_core_has_a_rate():
    assert product_rate() > 0
