"""Packed products equal plain ones, however the rows lie in memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import packed_linear
from dsp.networks.packed_linear import LinearKind, PackedLinear, available_kind


@pytest.fixture(scope="module", params=list(LinearKind))
def kind(request):
    if request.param is LinearKind.ONEDNN_PACKED and available_kind() is LinearKind.PLAIN:
        pytest.skip("this torch has no packed oneDNN product")
    return request.param


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@settings(deadline=None, max_examples=30)
@given(
    rows=st.integers(1, 40),
    packed_for=st.integers(1, 40),
    biased=st.booleans(),
    seed=st.integers(1, 9),
)
def test_product_is_rows_times_weight_plus_bias(kind, rows, packed_for, biased, seed):
    weight, x = random(7 * seed, 16), random(rows, 16)
    bias = random(7 * seed) if biased else None
    linear = PackedLinear(weight, bias, packed_for, kind)
    expected = x.double() @ weight.double().T + (bias.double() if biased else 0)
    assert torch.allclose(linear(x).double(), expected, atol=1e-5)
    other = random(rows, 7 * seed)
    assert torch.allclose(linear.add_to(other, x).double(), expected + other, atol=1e-5)


def test_other_is_left_alone(kind):
    other = random(3, 5)
    before = other.clone()
    PackedLinear(random(5, 4), None, 3, kind).add_to(other, random(3, 4))
    assert torch.equal(other, before)


def test_overlapping_rows_are_read_in_place(kind):
    line = random(40)
    rows = line.as_strided((9, 8), (4, 1))
    linear = PackedLinear(random(6, 8), None, 9, kind)
    assert torch.allclose(linear(rows), linear(rows.clone()), atol=1e-6)


def test_result_is_contiguous_and_fresh(kind):
    linear = PackedLinear(random(6, 8), None, 3, kind)
    x = random(3, 8)
    first = linear(x)
    kept = first.clone()
    linear(2 * x)
    assert first.is_contiguous()
    assert torch.equal(first, kept)


def test_kind_is_chosen_by_what_torch_can_do(monkeypatch):
    def refuse(*_):
        raise RuntimeError("no oneDNN here")

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", refuse)
    assert available_kind() is LinearKind.PLAIN
    assert PackedLinear(random(2, 3), None, 1).kind is LinearKind.PLAIN
    assert packed_linear.LinearKind("plain") is LinearKind.PLAIN
