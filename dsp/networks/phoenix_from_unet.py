"""A starting point for Phoenix's trunk: the open U-Net's weights, folded onto present and past.

The open U-Net's columns read two frames of their future at every level. Where the future is not
there, the best guess that needs no training is that it will sound like the present: the
taps that read it are added to the tap that reads the newest column. The same holds for the
way up, where a column is decoded from itself alone. Training then teaches each level what the guess misses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsp.networks.phoenix_trunk import PhoenixTrunk
from dsp.networks.unet_weights import ConvBlock, UNetWeights

_PRESENT_TAP = 2  # of five in time: two past, the present, two of the future


def fold_unet_into_trunk(weights: UNetWeights, trunk: PhoenixTrunk) -> None:
    """Write the folded weights into the trunk, in place.

    Time taps that the trunk has beyond the U-Net's three start at zero. Raises RuntimeError (torch)
    where the widths differ.
    """
    with torch.no_grad():
        for level, block in zip(trunk.down, weights.encoder, strict=True):
            _fold_down(block.weight, level.conv.weight)  # type: ignore[union-attr, arg-type]
            _copy_affine(block, level)
        for level, block in zip(trunk.up, weights.decoder, strict=True):
            level.conv.weight.copy_(_folded_up(block.weight))  # type: ignore[union-attr, operator]
            _copy_affine(block, level)
        trunk.mask.weight.copy_(_folded_mask(weights.mask_weight))
        if trunk.mask.bias is not None:
            trunk.mask.bias.copy_(weights.mask_bias)


def _copy_affine(block: ConvBlock, level: torch.nn.Module) -> None:
    level.conv.bias.copy_(block.bias)  # type: ignore[union-attr, operator]
    level.affine.scale.copy_(block.scale)  # type: ignore[union-attr, operator]
    level.affine.shift.copy_(block.shift)  # type: ignore[union-attr, operator]


def _fold_down(source: Tensor, target: Tensor) -> None:
    """[out, in, 5, 5] into the newest three of [out, in, taps, 5]."""
    target.zero_()
    newest = source[:, :, _PRESENT_TAP:].sum(dim=2)
    target[:, :, -1] = newest
    target[:, :, -1 - _PRESENT_TAP : -1] = source[:, :, :_PRESENT_TAP]


def _folded_up(source: Tensor) -> Tensor:
    """[in, out, 5, 5] to [in, out, 1, 5].

    A column above lends its even taps to one column below and its odd taps to the next; each
    column below is the sum of what reaches it. Columns here are all alike, so they get the mean.
    """
    return source.sum(dim=2, keepdim=True) / 2


def _folded_mask(source: Tensor) -> Tensor:
    """Taps at -3, -1, 1, 3 frames to taps at -3, -2, -1, 0: [2, 1, 4, 4]."""
    folded = torch.zeros_like(source)
    folded[:, :, 0] = source[:, :, 0]
    folded[:, :, 2] = source[:, :, 1]
    folded[:, :, 3] = source[:, :, 2] + source[:, :, 3]
    return folded
