"""Which product is computed how: by its size, its width and what was asked for."""

import pytest
import torch

from dsp.networks.linear import LEAST_OUTPUTS, LEAST_PACKED, LEAST_QUANTISED, make_linear
from dsp.networks.packed_linear import LinearKind, PackedLinear, available_kind
from dsp.networks.quantised_linear import QuantisedLinear, has_quantised
from dsp.networks.small_linear import SmallLinear

ROWS = 16


def made(outputs, inputs, kind):
    return make_linear(torch.zeros(outputs, inputs), None, ROWS, kind)


@pytest.mark.skipif(not has_quantised(), reason="no AMX and no VNNI here")
@pytest.mark.parametrize("outputs", [LEAST_OUTPUTS, 2 * LEAST_OUTPUTS])
def test_only_large_and_wide_products_are_quantised(outputs):
    inputs = -(-LEAST_QUANTISED // (ROWS * outputs))
    assert isinstance(made(outputs, inputs, LinearKind.EIGHT_BITS), QuantisedLinear)
    assert isinstance(made(outputs, inputs - 1, LinearKind.EIGHT_BITS), SmallLinear)
    narrow = made(LEAST_OUTPUTS - 1, 4 * inputs, LinearKind.EIGHT_BITS)
    assert isinstance(narrow, PackedLinear)
    assert narrow.kind is available_kind()


@pytest.mark.parametrize("kind", list(LinearKind))
def test_a_library_is_called_for_large_products_only(kind):
    if kind is LinearKind.ONEDNN_PACKED is not available_kind():
        pytest.skip("this torch has no oneDNN")
    outputs = LEAST_OUTPUTS - 1
    inputs = -(-LEAST_PACKED // (ROWS * outputs))
    large, small = made(outputs, inputs, kind), made(outputs, inputs - 1, kind)
    assert isinstance(large, PackedLinear)
    assert isinstance(small, PackedLinear if kind is LinearKind.PLAIN else SmallLinear)


def test_plain_products_stay_plain():
    for inputs in (1, LEAST_PACKED):
        assert made(1, inputs, LinearKind.PLAIN).kind is LinearKind.PLAIN
