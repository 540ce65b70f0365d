"""Weights come back from a file as near as their storage promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks import stored_weights
from dsp.networks.stored_weights import from_stored, to_stored


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    monkeypatch.setattr(stored_weights, "LARGE", 100)


def ones(*shape):
    return np.ones(shape, np.float32)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 40), columns=st.integers(1, 40))
def test_what_comes_back_is_near(seed, rows, columns):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.standard_normal((rows, 1, 1))
    values = (sizes * rng.standard_normal((rows, columns, 2))).astype(np.float32)
    back = from_stored(to_stored({"a": values}))["a"]
    assert (back.shape, back.dtype) == (values.shape, np.float32)
    largest = np.abs(values).max(axis=(1, 2), keepdims=True)
    step = largest / 127 if values.size > 100 else np.abs(values) / 1024 + 1e-7
    assert (np.abs(back - values) <= 0.5001 * step).all()


def test_large_tensors_alone_take_a_byte_a_value():
    stored = to_stored({"small": ones(100), "large": ones(101, 2)})
    types = {name: values.dtype for name, values in stored.items()}
    assert types.pop("small") == np.float16
    assert types.pop("large") == np.int8
    assert list(types.values()) == [np.float32]  # its scales
    assert set(from_stored(stored)) == {"small", "large"}


def test_silent_channels_stay_silent():
    values = ones(2, 101)
    values[0], values[1] = 0.0, 3.0
    back = from_stored(to_stored({"a": values}))["a"]
    assert not back[0].any()
    assert back[1] == pytest.approx(values[1], rel=1e-6)


def test_a_missing_scale_is_told():
    stored = to_stored({"a": ones(2, 101)})
    del stored["a.scale_of_8_bits"]
    with pytest.raises(KeyError, match="scale"):
        from_stored(stored)
