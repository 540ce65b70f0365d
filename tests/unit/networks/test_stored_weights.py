"""Weights come back from a file as near as their storage promises."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import stored_weights
from dsp.networks.stored_weights import from_stored, to_stored


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    monkeypatch.setattr(stored_weights, "LARGE", 100)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 40), columns=st.integers(1, 40))
def test_what_comes_back_is_near(seed, rows, columns):
    generator = torch.Generator().manual_seed(seed)
    sizes = 10.0 ** torch.randn(rows, 1, 1, generator=generator)
    values = sizes * torch.randn(rows, columns, 2, generator=generator)
    back = from_stored(to_stored({"a": values}))["a"]
    assert (back.shape, back.dtype) == (values.shape, torch.float32)
    largest = values.abs().flatten(1).amax(dim=1)[:, None, None]
    step = largest / 127 if values.numel() > 100 else values.abs() / 1024 + 1e-7
    assert bool(((back - values).abs() <= 0.5001 * step).all())


def test_large_tensors_alone_take_a_byte_a_value():
    stored = to_stored({"small": torch.ones(100), "large": torch.ones(101, 2)})
    types = {name: values.dtype for name, values in stored.items()}
    assert types.pop("small") is torch.float16
    assert types.pop("large") is torch.int8
    assert list(types.values()) == [torch.float32]  # its scales
    assert set(from_stored(stored)) == {"small", "large"}


def test_silent_channels_stay_silent():
    values = torch.zeros(2, 101)
    values[1] = 3.0
    torch.testing.assert_close(from_stored(to_stored({"a": values}))["a"], values)


def test_a_missing_scale_is_told():
    stored = to_stored({"a": torch.ones(2, 101)})
    del stored["a.scale_of_8_bits"]
    with pytest.raises(KeyError, match="scale"):
        from_stored(stored)
