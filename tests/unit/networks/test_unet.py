"""The U-Net over whole windows: shape, alignment, and a plain re-statement as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.unet import unet_mask
from dsp.networks.unet_shape import GRID
from dsp.networks.unet_weights import untrained_weights

BINS = 64
WIDTHS = (2, 3, 4, 5, 6, 7)


@pytest.fixture(scope="module")
def weights():
    return untrained_weights(WIDTHS, seed=3)


def magnitudes(frames, seed=0, batch=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((batch, 2, frames, BINS), generator=generator)


def direct_halving(block, x):
    """The convolution written out: column j of the output reads columns 2 j - 1 to 2 j + 3."""
    frames, bins = x.shape[1:]
    padded = np.zeros((x.shape[0], frames + 3, bins + 3))
    padded[:, 1:-2, 1:-2] = x
    weight = block.weight.numpy().astype(np.float64)
    out = np.empty((weight.shape[0], frames // 2, bins // 2))
    for j in range(frames // 2):
        for k in range(bins // 2):
            patch = padded[:, 2 * j : 2 * j + 5, 2 * k : 2 * k + 5]
            out[:, j, k] = np.tensordot(weight, patch, axes=3) + block.bias.numpy()
    return out


def direct_doubling(block, x):
    """The transposed convolution written out: column i feeds columns 2 i - 1 to 2 i + 3."""
    frames, bins = x.shape[1:]
    weight = block.weight.numpy().astype(np.float64)
    grown = np.zeros((weight.shape[1], 2 * frames + 3, 2 * bins + 3))
    for i in range(frames):
        for k in range(bins):
            patch = np.tensordot(x[:, i, k], weight, axes=1)
            grown[:, 2 * i : 2 * i + 5, 2 * k : 2 * k + 5] += patch
    raw = grown[:, 1:-2, 1:-2] + block.bias.numpy()[:, None, None]
    return affine(block, np.maximum(raw, 0))


def affine(block, x):
    return x * block.scale.numpy()[:, None, None] + block.shift.numpy()[:, None, None]


def direct_last_layer(weights, x):
    frames, bins = x.shape[1:]
    padded = np.pad(x[0], 3)
    out = np.zeros((2, frames, bins))
    for t in range(4):
        for f in range(4):
            tap = weights.mask_weight[:, 0, t, f].numpy().astype(np.float64)
            shifted = padded[2 * t : 2 * t + frames, 2 * f : 2 * f + bins]
            out += tap[:, None, None] * shifted
    return 1 / (1 + np.exp(-(out + weights.mask_bias.numpy()[:, None, None])))


def direct_unet(weights, x):
    """[channel, frame, bin], in double precision, from the published description alone."""
    raws = []
    for block in weights.encoder:
        raws.append(direct_halving(block, x))
        activated = affine(block, raws[-1])
        x = np.where(activated > 0, activated, 0.2 * activated)
    x = direct_doubling(weights.decoder[0], raws.pop())
    for block in weights.decoder[1:]:
        x = direct_doubling(block, np.concatenate([raws.pop(), x]))
    return direct_last_layer(weights, x)


def test_equals_the_description_written_out(weights):
    x = magnitudes(GRID)
    expected = direct_unet(weights, x[0].numpy().astype(np.float64))
    np.testing.assert_allclose(unet_mask(weights, x)[0], expected, atol=2e-6)


@settings(max_examples=10, deadline=None)
@given(frames=st.integers(1, 3 * GRID))
def test_frames_past_the_end_are_zeros(frames):
    weights = untrained_weights(WIDTHS, seed=3)
    x = magnitudes(frames)
    padded = torch.nn.functional.pad(x, (0, 0, 0, 5 * GRID - frames))
    whole = unet_mask(weights, padded[:, :, : -frames % GRID + frames])
    assert torch.equal(unet_mask(weights, x), whole[:, :, :frames])


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 3 * GRID), data=st.data())
def test_kept_frames_are_those_of_the_whole(frames, data):
    weights = untrained_weights(WIDTHS, seed=3)
    x = magnitudes(frames)
    start = data.draw(st.integers(0, frames - 1), "start")
    stop = data.draw(st.integers(start + 1, frames), "stop")
    kept = unet_mask(weights, x, range(start, stop))
    torch.testing.assert_close(kept, unet_mask(weights, x)[:, :, start:stop], rtol=0, atol=1e-6)


@pytest.mark.parametrize("keep", [range(0), range(-1, 4), range(60, 65), range(0, 8, 2)])
def test_frames_that_are_not_there_cannot_be_kept(weights, keep):
    with pytest.raises(SignalError, match="0 to 64"):
        unet_mask(weights, magnitudes(GRID), keep)


def test_a_batch_is_its_members(weights):
    x = magnitudes(GRID, batch=2)
    both = unet_mask(weights, x)
    alone = torch.cat([unet_mask(weights, x[:1]), unet_mask(weights, x[1:])])
    torch.testing.assert_close(both, alone, rtol=0, atol=1e-6)


def test_a_shift_by_the_grid_shifts_the_mask(weights):
    silence = torch.zeros(1, 2, 4 * GRID, BINS)
    x = torch.cat([silence, magnitudes(2 * GRID), silence], dim=2)
    shifted = torch.cat([silence[:, :, :GRID], x], dim=2)
    middle = slice(4 * GRID, 6 * GRID)
    moved = slice(5 * GRID, 7 * GRID)
    torch.testing.assert_close(
        unet_mask(weights, shifted)[:, :, moved],
        unet_mask(weights, x)[:, :, middle],
        rtol=0,
        atol=1e-6,
    )


def test_a_mask_lies_between_nothing_and_everything(weights):
    mask = unet_mask(weights, 100 * magnitudes(GRID))
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert mask.std() > 0


@pytest.mark.parametrize("shape", [(2, 64, 64), (1, 3, 64, 64), (1, 2, 0, 64), (1, 2, 64, 60)])
def test_a_wrong_shape_names_the_right_one(weights, shape):
    with pytest.raises(SignalError, match=r"\[batch, 2, frame, bin\]"):
        unet_mask(weights, torch.zeros(shape))
