"""What a stream takes as audio, and how it tells what it does not take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from plugin_bridge.audio_input import as_block
from plugin_bridge.errors import BadAudio

numbers = st.floats(-4, 4, width=32)
blocks = arrays.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.just(2), st.integers(0, 40)),
    elements=numbers,
)


@given(block=blocks)
def test_floats_pass_value_for_value(block):
    taken = as_block(block, 2)
    assert taken.dtype == np.float32
    assert taken.flags.c_contiguous
    assert np.array_equal(taken, block)


def test_what_is_right_already_is_not_copied():
    block = np.ones((2, 8), np.float32)
    assert np.shares_memory(as_block(block, 2), block)


@pytest.mark.parametrize(
    "view", [lambda x: x[:, ::2], lambda x: x[::-1], np.asfortranarray], ids=["step", "flip", "F"]
)
def test_any_view_of_an_array_will_do(view):
    block = view(np.arange(12, dtype=np.float32).reshape(2, 6))
    taken = as_block(block, 2)
    assert taken.flags.c_contiguous
    assert taken.tolist() == block.tolist()


def test_lists_of_floats_are_arrays_too():
    assert as_block([[0.5, -0.5]], 1).tolist() == [[0.5, -0.5]]


def test_samples_that_are_not_finite_pass_to_the_server_which_counts_them():
    block = np.array([[np.nan, np.inf, -np.inf, 1.0]])
    assert np.array_equal(as_block(block, 1), block.astype(np.float32), equal_nan=True)


def test_a_double_beyond_single_precision_is_infinite_without_a_warning():
    with np.errstate(over="raise"):
        assert as_block(np.array([[1e300, -1e300]]), 1).tolist() == [[np.inf, -np.inf]]


@pytest.mark.parametrize(
    "kind", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_, np.float16, np.complex64]
)
def test_other_types_are_refused_because_their_scale_is_unknown(kind):
    with pytest.raises(BadAudio, match=f"block of {np.dtype(kind)}: float32 or float64 required"):
        as_block(np.zeros((2, 4), kind), 2)


@given(shape=arrays.array_shapes(min_dims=0, max_dims=4, max_side=5), channels=st.integers(1, 2))
def test_every_other_shape_is_refused_by_name(shape, channels):
    block = np.zeros(shape, np.float32)
    if len(shape) == 2 and shape[0] == channels:
        assert as_block(block, channels).shape == shape
        return
    with pytest.raises(BadAudio) as refusal:
        as_block(block, channels)
    assert str(shape) in str(refusal.value)
    assert f"[{channels}, frames] required" in str(refusal.value)


@pytest.mark.parametrize(
    ("shape", "channels", "advice"),
    [
        ((100, 2), 2, "; transpose it"),
        ((100, 1), 1, "; transpose it"),
        ((100,), 1, "; use block[None, :]"),
        ((1, 100), 2, "; open the stream with channels=1"),
        ((2, 100), 1, "; open the stream with channels=2"),
        ((100,), 2, "channels first"),
        ((6, 100), 2, "channels first"),
        ((1, 2, 100), 2, "channels first"),
    ],
)
def test_a_refused_shape_comes_with_the_advice_that_fits(shape, channels, advice):
    with pytest.raises(BadAudio) as refusal:
        as_block(np.zeros(shape, np.float32), channels)
    assert str(refusal.value).endswith(advice)


@pytest.mark.parametrize("frames", [0, 255, 256])
def test_blocks_up_to_the_maximum_pass(frames):
    assert as_block(np.zeros((2, frames), np.float32), 2, 256).shape == (2, frames)


def test_a_block_beyond_the_maximum_names_both():
    with pytest.raises(BadAudio, match="block of 257 frames: 0 to 256 allowed; split it"):
        as_block(np.zeros((2, 257), np.float32), 2, 256)


def test_bad_audio_is_a_value_error_to_those_who_know_no_other():
    with pytest.raises(ValueError, match="channels first"):
        as_block(None, 2)
