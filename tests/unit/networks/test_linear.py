"""Which product is computed how: by its size, its width and what was asked for."""

import numpy as np
import pytest

from dsp.networks.linear import LEAST_OUTPUTS, LEAST_QUANTISED, LinearKind, arrange_linear
from dsp.networks.products import has_bytes

ROWS = 16


def is_quantised(outputs, inputs, kind):
    zeros = np.zeros((outputs, inputs), np.float32)
    return arrange_linear(zeros, None, ROWS, kind).is_quantised


@pytest.mark.skipif(not has_bytes(), reason="no AMX and no VNNI here")
@pytest.mark.parametrize("outputs", [LEAST_OUTPUTS, 2 * LEAST_OUTPUTS])
def test_only_large_and_wide_products_are_quantised(outputs):
    inputs = -(-LEAST_QUANTISED // (ROWS * outputs))
    assert is_quantised(outputs, inputs, LinearKind.EIGHT_BITS)
    assert not is_quantised(outputs, inputs - 1, LinearKind.EIGHT_BITS)
    assert not is_quantised(LEAST_OUTPUTS - 1, 4 * inputs, LinearKind.EIGHT_BITS)


def test_none_are_quantised_in_32_bits():
    assert not is_quantised(1000, LEAST_QUANTISED // 1000, LinearKind.FLOAT32)
