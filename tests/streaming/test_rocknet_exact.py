"""The streaming U-Net is the offline one, run again over the window at every hop."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unet_streams import (
    BINS,
    TINY,
    TINY_PACKED,
    WINDOW_COLUMNS,
    magnitudes,
    push_all,
    rerun,
    tiny_stream,
    window_of,
)

from dsp.errors import SignalError
from dsp.networks import rocknet_hop_kernels, rocknet_kernels
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_layers import activate, convolve

RELATIVE = 1e-5
HOPS = 700  # 8.1 s


@pytest.fixture(scope="module", params=[1, 2, 4])
def streamed(request):
    stream = magnitudes(HOPS, seed=request.param)
    return request.param, stream, push_all(tiny_stream(request.param), stream)


@settings(deadline=None, max_examples=40)
@given(hop_index=st.integers(0, HOPS - 1))
def test_streaming_equals_rerun_of_window(streamed, hop_index):
    hops_per_column, stream, masks = streamed
    expected = rerun(TINY, stream, hop_index, hops_per_column)
    assert np.abs(masks[hop_index] - expected).max() <= RELATIVE * expected.max()


def test_masks_differ_from_hop_to_hop(streamed):
    _, _, masks = streamed
    assert np.abs(np.diff(masks, axis=0)).max(axis=(1, 2)).min() > 1e-3


@contextlib.contextmanager
def noted_skips():
    """Note what each level hands across, [padded bin, column, channel], the kernels in Python."""
    noted, complete = [], rocknet_kernels.complete

    def note(*given):
        complete(*given)
        noted.append(given[7].copy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rocknet_kernels, "complete", note)
        for name, kernel in vars(rocknet_hop_kernels).copy().items():
            if getattr(kernel, "__module__", "") == rocknet_hop_kernels.__name__:
                patch.setattr(rocknet_hop_kernels, name, getattr(kernel, "py_func", kernel))
        yield noted


@settings(deadline=None, max_examples=10)
@given(hop_index=st.integers(0, HOPS - 1))
def test_every_level_and_column_equals_its_layer_run_offline(hop_index):
    stream = magnitudes(HOPS, seed=9)
    unet = tiny_stream()
    with noted_skips() as skips:
        unet.rebuild(stream[: hop_index + 1], 0)  # ends with a push
    x = torch.from_numpy(window_of(stream, hop_index)).transpose(0, 1)[None]
    for block, skip in zip(TINY.encoder, skips, strict=True):
        columns = skip[1:-1, :, : len(block.bias)].swapaxes(0, 1)
        raw = convolve(block, torch.nn.functional.pad(x, (0, 0, 1, 2)))
        for r in range(3):
            expected = raw[0, :, raw.shape[2] - 1 - r].T.numpy()
            assert np.abs(columns[r] - expected).max() <= RELATIVE * float(raw.abs().max())
        x = activate(block, raw)


def test_streams_share_weights_but_no_state():
    stream = magnitudes(30)
    alone = push_all(tiny_stream(), stream)
    first, second = (StreamingUNet(TINY_PACKED) for _ in range(2))
    for frame, expected in zip(stream, alone, strict=True):
        assert np.array_equal(first.push(frame), expected)
        second.push(2 * frame)


def test_window_is_longer_than_what_the_masks_depend_on():
    grid = HopGrid(1)
    assert grid.horizon_hops(0, 5) < WINDOW_COLUMNS


@pytest.mark.parametrize("shape", [(2, BINS + 1), (1, BINS), (BINS,), (2, 1, BINS)])
def test_frames_of_another_shape_are_refused(shape):
    with pytest.raises(SignalError, match="expected"):
        tiny_stream().push(np.zeros(shape, np.float32))
