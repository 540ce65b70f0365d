"""The U-Net's layers on blocks of columns: shapes as stated; cuts in time change nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.unet_layers import MASK_REACH, activate, convolve, grow, mask_of
from dsp.networks.unet_weights import ConvBlock, untrained_weights

BINS = 16
WEIGHTS = untrained_weights((2, 3, 4, 5, 6, 7), seed=5)

levels = st.integers(0, len(WEIGHTS.encoder) - 1)
columns = st.integers(1, 9)
in_a_moment = settings(max_examples=40, deadline=None)


def noise(channels, frames, seed=0, bins=BINS):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, channels, frames, bins), generator=generator)


def down_input(level, frames, seed=0):
    return noise(WEIGHTS.encoder[level].weight.shape[1], frames, seed)


def up_input(level, frames, seed=0):
    return noise(WEIGHTS.decoder[level].weight.shape[0], frames, seed)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@in_a_moment
@given(level=levels, n=columns)
def test_shapes_are_those_stated(level, n):
    down, up = WEIGHTS.encoder[level], WEIGHTS.decoder[level]
    raw = convolve(down, down_input(level, 2 * n + 3))
    assert raw.shape == (1, down.weight.shape[0], n, BINS // 2)
    assert activate(down, raw).shape == raw.shape
    assert grow(up, up_input(level, n)).shape == (1, up.weight.shape[1], 2 * n + 3, 2 * BINS)
    assert mask_of(WEIGHTS, noise(1, n + 2 * MASK_REACH)).shape == (1, 2, n, BINS)


@in_a_moment
@given(level=levels, first=columns, rest=columns)
def test_convolving_two_overlapping_blocks_is_convolving_the_whole(level, first, rest):
    block, x = WEIGHTS.encoder[level], down_input(level, 2 * (first + rest) + 3)
    parts = [convolve(block, x[:, :, : 2 * first + 3]), convolve(block, x[:, :, 2 * first :])]
    close(torch.cat(parts, dim=2), convolve(block, x))


@in_a_moment
@given(level=levels, first=columns, rest=columns)
def test_growing_two_overlapping_blocks_is_growing_the_whole(level, first, rest):
    """Columns that inputs beyond a block's edge would feed too are not complete there."""
    block, x = WEIGHTS.decoder[level], up_input(level, first + rest)
    whole = grow(block, x)
    close(grow(block, x[:, :, :first])[:, :, : 2 * first], whole[:, :, : 2 * first])
    close(grow(block, x[:, :, first:])[:, :, 3:], whole[:, :, 2 * first + 3 :])


@in_a_moment
@given(first=columns, rest=columns)
def test_masks_of_two_overlapping_blocks_are_those_of_the_whole(first, rest):
    reach = 2 * MASK_REACH
    x = noise(1, first + rest + reach)
    parts = [mask_of(WEIGHTS, x[:, :, : first + reach]), mask_of(WEIGHTS, x[:, :, first:])]
    close(torch.cat(parts, dim=2), mask_of(WEIGHTS, x))


@in_a_moment
@given(n=columns, level=st.sampled_from([0.0, 1.0, 1e4]))
def test_masks_lie_between_0_and_1_and_silence_gives_one_half(n, level):
    mask = mask_of(WEIGHTS, level * noise(1, n + 6))
    assert ((mask >= 0) & (mask <= 1)).all()
    if not level:
        assert torch.equal(mask, torch.full_like(mask, 0.5))


def plain_block(scale, shift):
    one = torch.ones(1)
    return ConvBlock(torch.zeros(1, 1, 5, 5), 0 * one, scale * one, shift * one)


@pytest.mark.parametrize(
    ("value", "scale", "shift", "expected"),
    [(3.0, 2.0, 1.0, 7.0), (-3.0, 2.0, 1.0, -1.0), (0.5, -2.0, 1.0, 0.0), (1.0, 1.0, -6.0, -1.0)],
)
def test_activation_is_normalised_then_leaks_a_fifth(value, scale, shift, expected):
    raw = torch.full((1, 1, 2, 2), value)
    close(activate(plain_block(scale, shift), raw), torch.full_like(raw, expected))


def test_growing_normalises_after_it_rectifies():
    """A negative sum is silent before the shift, so exactly the shift is left."""
    block = plain_block(2.0, 0.25)
    below = ConvBlock(block.weight, block.bias - 3.0, block.scale, block.shift)
    close(grow(below, torch.ones(1, 1, 2, 2)), torch.full((1, 1, 7, 4), 0.25))
    above = ConvBlock(block.weight, block.bias + 3.0, block.scale, block.shift)
    close(grow(above, torch.ones(1, 1, 2, 2)), torch.full((1, 1, 7, 4), 6.25))
