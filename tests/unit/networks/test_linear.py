"""Which product is computed how: by its size, its width and what was asked for."""

import pytest
import torch

from dsp.networks.float_linear import FloatLinear
from dsp.networks.linear import LEAST_OUTPUTS, LEAST_QUANTISED, LinearKind, make_linear
from dsp.networks.quantised_linear import QuantisedLinear, has_quantised

ROWS = 16


def made(outputs, inputs, kind):
    return make_linear(torch.zeros(outputs, inputs), None, ROWS, kind)


@pytest.mark.skipif(not has_quantised(), reason="no AMX and no VNNI here")
@pytest.mark.parametrize("outputs", [LEAST_OUTPUTS, 2 * LEAST_OUTPUTS])
def test_only_large_and_wide_products_are_quantised(outputs):
    inputs = -(-LEAST_QUANTISED // (ROWS * outputs))
    assert isinstance(made(outputs, inputs, LinearKind.EIGHT_BITS), QuantisedLinear)
    assert isinstance(made(outputs, inputs - 1, LinearKind.EIGHT_BITS), FloatLinear)
    assert isinstance(made(LEAST_OUTPUTS - 1, 4 * inputs, LinearKind.EIGHT_BITS), FloatLinear)


def test_none_are_quantised_in_32_bits():
    assert isinstance(made(1000, LEAST_QUANTISED // 1000, LinearKind.FLOAT32), FloatLinear)
