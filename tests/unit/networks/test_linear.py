"""Which product is computed how: by its size, its width, the processor and what was asked for."""

import numpy as np
import pytest

from dsp.networks import linear
from dsp.networks.linear import (
    LEAST_HALVED_OUTPUTS,
    LEAST_OUTPUTS,
    LEAST_QUANTISED,
    LEAST_WEIGHTS,
    LinearKind,
    arrange_linear,
)
from dsp.networks.products import Arithmetic, has_bytes, has_halves

ROWS = 16
QUICK = LinearKind.EIGHT_BITS
needs_bytes = pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here")
needs_halves = pytest.mark.skipif(not has_halves(), reason="no AMX here")


def arithmetic(outputs, inputs, kind=QUICK, **given):
    return arrange_linear(
        np.zeros((outputs, inputs), np.float32), None, ROWS, kind, **given
    ).arithmetic


@pytest.fixture
def without_halves(monkeypatch):
    monkeypatch.setattr(linear, "has_halves", lambda: False)


@needs_bytes
@pytest.mark.usefixtures("without_halves")
@pytest.mark.parametrize("outputs", [LEAST_OUTPUTS, 2 * LEAST_OUTPUTS])
def test_without_bfloat16_large_and_wide_products_are_quantised(outputs):
    inputs = -(-LEAST_QUANTISED // (ROWS * outputs))
    assert arithmetic(outputs, inputs) is Arithmetic.EIGHT_BITS
    assert arithmetic(outputs, inputs - 1) is Arithmetic.FLOAT32
    assert arithmetic(LEAST_OUTPUTS - 1, 4 * inputs) is Arithmetic.FLOAT32


@needs_halves
def test_with_bfloat16_those_of_many_weights_are_quantised():
    outputs = 100
    assert arithmetic(outputs, LEAST_WEIGHTS // outputs) is Arithmetic.EIGHT_BITS
    assert arithmetic(outputs, LEAST_WEIGHTS // outputs - 1) is Arithmetic.BFLOAT16


@needs_halves
def test_few_outputs_stay_in_32_bits_unless_rows_lie_in_pieces():
    assert arithmetic(LEAST_HALVED_OUTPUTS, 8) is Arithmetic.BFLOAT16
    assert arithmetic(LEAST_HALVED_OUTPUTS - 1, 8) is Arithmetic.FLOAT32
    assert arithmetic(LEAST_HALVED_OUTPUTS - 1, 8, taps=2) is Arithmetic.BFLOAT16


@needs_halves
def test_a_part_is_computed_as_the_whole_would_be():
    whole = np.zeros((100, LEAST_WEIGHTS // 100), np.float32)
    assert arithmetic(100, 8) is Arithmetic.BFLOAT16
    assert arithmetic(100, 8, part_of=whole) is Arithmetic.EIGHT_BITS


def test_all_are_in_32_bits_if_that_was_asked_for():
    assert arithmetic(1000, LEAST_QUANTISED // 1000, LinearKind.FLOAT32) is Arithmetic.FLOAT32
