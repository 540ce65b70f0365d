"""The layers of the amplitude U-Net, on blocks of columns, without padding in time.

Padding in frequency, one bin before and two after, is part of the layers; in time it is the
caller's: a window is padded at its edges, a stream never is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from dsp.networks.unet_weights import ConvBlock, UNetWeights

MASK_REACH = 3
"""Columns on each side of a frame that the mask's layer reads."""

_LEAK = 0.2


def convolve(block: ConvBlock, x: Tensor) -> Tensor:
    """[batch, in, 2 n + 3, 2 m] -> raw [batch, out, n, m]."""
    return functional.conv2d(functional.pad(x, (1, 2)), block.weight, block.bias, stride=2)


def activate(block: ConvBlock, raw: Tensor) -> Tensor:
    """Normalise raw columns and rectify them for the next level down; shape kept."""
    return functional.leaky_relu(_affine(block, raw), _LEAK)


def grow(block: ConvBlock, x: Tensor) -> Tensor:
    """[batch, in, n, m] -> [batch, out, 2 n + 3, 2 m]; column 0 is before the first input's."""
    grown = functional.conv_transpose2d(x, block.weight, block.bias, stride=2)
    return _affine(block, functional.relu(grown[..., 1:-2]))


def mask_of(weights: UNetWeights, x: Tensor) -> Tensor:
    """[batch, 1, n + 6, bin] -> mask [batch, channel, n, bin] between 0 and 1."""
    padded = functional.pad(x, (MASK_REACH, MASK_REACH))
    raw = functional.conv2d(padded, weights.mask_weight, weights.mask_bias, dilation=2)
    return torch.sigmoid(raw)


def _affine(block: ConvBlock, x: Tensor) -> Tensor:
    return torch.addcmul(block.shift[:, None, None], x, block.scale[:, None, None])
