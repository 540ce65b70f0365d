"""The U-Net over a stream with its whole future: equal to one run over everything."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.unet import _ascend, _descend, unet_mask
from dsp.networks.unet_look_ahead import RECEPTIVE_FIELD_FRAMES, LookAheadUNet
from dsp.networks.unet_shape import GRID, LOOK_AHEAD_FRAMES
from dsp.networks.unet_weights import ConvBlock, UNetWeights, untrained_weights

BINS = 64
EDGE = 5 * GRID  # silence at the end, longer than the receptive field
WEIGHTS = untrained_weights((2, 3, 4, 5, 6, 7), seed=3)
NET = LookAheadUNet(WEIGHTS, BINS)


def magnitudes(frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.rand((2, frames, BINS), generator=generator)


def at_once(x):
    """The masks of music before silence."""
    padded = torch.cat([x, torch.zeros(2, EDGE, BINS)], dim=1)
    return unet_mask(WEIGHTS, padded[None])[0, :, : x.shape[1]]


def streamed(x, chunks):
    NET.reset()
    masks = torch.cat(
        [NET.push(part) for part in x.split([GRID * c for c in chunks], dim=1)], dim=1
    )
    return torch.cat([masks, NET.push(torch.zeros(2, EDGE, BINS))], dim=1)


@settings(max_examples=10, deadline=None)
@given(chunks=st.lists(st.integers(0, 3), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_streaming_equals_the_whole(chunks, seed):
    x = magnitudes(GRID * sum(chunks), seed)
    masks = streamed(x, chunks)[:, LOOK_AHEAD_FRAMES : LOOK_AHEAD_FRAMES + x.shape[1]]
    torch.testing.assert_close(masks, at_once(x), rtol=0, atol=2e-6)


def test_reset_forgets():
    first = streamed(magnitudes(GRID, seed=1), [1])
    streamed(magnitudes(2 * GRID, seed=2), [2])
    assert torch.equal(streamed(magnitudes(GRID, seed=1), [1]), first)


def in_double_precision(block):
    return ConvBlock(
        block.weight.double(), block.bias.double(), block.scale.double(), block.shift.double()
    )


def reach_of(frame, frames=12 * GRID):
    """How far back and ahead lie the frames whose magnitudes move the mask of ``frame``."""
    net = UNetWeights(
        tuple(in_double_precision(block) for block in WEIGHTS.encoder),
        tuple(in_double_precision(block) for block in WEIGHTS.decoder),
        WEIGHTS.mask_weight.double(),
        WEIGHTS.mask_bias.double(),
    )
    x = magnitudes(frames)[None].double().requires_grad_()
    _ascend(net, _descend(net, x), range(frames))[0, :, frame].sum().backward()
    moved = x.grad[0].abs().sum(dim=(0, 2)).nonzero()
    return frame - int(moved.min()), int(moved.max()) - frame


def test_the_receptive_field_is_as_stated_and_below_8_seconds():
    reaches = [reach_of(6 * GRID + offset) for offset in (0, 1, 2, 31, 61, 62, 63)]
    assert max(max(reach) for reach in reaches) == RECEPTIVE_FIELD_FRAMES
    assert (RECEPTIVE_FIELD_FRAMES * 1024 + 4096) / 44_100 < 8


@pytest.mark.parametrize("shape", [(2, 63, BINS), (1, 64, BINS), (2, 64, 32)])
def test_a_wrong_shape_names_the_right_one(shape):
    with pytest.raises(SignalError, match=r"\[2, n \* 64, 64\]"):
        NET.push(torch.zeros(shape))
