"""The amplitude U-Net of Rocknet, for whole windows.

This is the offline form, and the oracle that the streaming form is held against: plain convolutions
over every frame of a window at once. Frames past the window's end are zeros, so the mask of the
newest frame is what a stream with no look-ahead would get.

Reference: Hennequin et al., "Spleeter: a fast and efficient music source separation tool with
pre-trained models", JOSS 2020; Jansson et al., "Singing voice separation with deep U-Net
convolutional networks", ISMIR 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from dsp.errors import SignalError

if TYPE_CHECKING:
    from dsp.networks.unet_weights import ConvBlock, UNetWeights

BIN_COUNT = 1024
"""The bins that the published weights were trained on, of a 4096-point transform: 0 to 11 kHz."""

GRID = 64
"""Six halvings: windows that start at multiples of this many frames fall on the same columns."""

_PADDING = (1, 2, 1, 2)  # one before and two after, in frequency and in time
_LEAK = 0.2


def unet_mask(weights: UNetWeights, magnitudes: Tensor) -> Tensor:
    """Magnitudes to a mask between 0 and 1 of the same shape, [batch, channel, frame, bin].

    Any number of frames: up to the next multiple of ``GRID`` the future is zeros.
    Raises SignalError for other channels than the network's or bins not a multiple of ``GRID``.
    """
    _check_shape(weights, magnitudes)
    frames = magnitudes.shape[2]
    with torch.inference_mode():
        mask = _forward(weights, functional.pad(magnitudes, (0, 0, 0, -frames % GRID)))
    return mask[:, :, :frames]


def _forward(weights: UNetWeights, x: Tensor) -> Tensor:
    skips = []
    for block in weights.encoder:
        skips.append(_halve(block, x))
        x = functional.leaky_relu(_affine(block, skips[-1]), _LEAK)
    x = _double(weights.decoder[0], skips.pop())
    for block in weights.decoder[1:]:
        x = _double(block, torch.cat([skips.pop(), x], dim=1))
    return torch.sigmoid(
        functional.conv2d(x, weights.mask_weight, weights.mask_bias, padding=3, dilation=2)
    )


def _halve(block: ConvBlock, x: Tensor) -> Tensor:
    """[batch, in, 2 n, 2 m] -> raw [batch, out, n, m]."""
    return functional.conv2d(functional.pad(x, _PADDING), block.weight, block.bias, stride=2)


def _double(block: ConvBlock, x: Tensor) -> Tensor:
    """[batch, in, n, m] -> [batch, out, 2 n, 2 m], cropped as the way down pads."""
    grown = functional.conv_transpose2d(x, block.weight, block.bias, stride=2)
    return _affine(block, functional.relu(grown[:, :, 1:-2, 1:-2]))


def _affine(block: ConvBlock, x: Tensor) -> Tensor:
    return torch.addcmul(block.shift[:, None, None], x, block.scale[:, None, None])


def _check_shape(weights: UNetWeights, magnitudes: Tensor) -> None:
    channels = weights.encoder_channels[0]
    shape = tuple(magnitudes.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] == 0 or shape[3] % GRID:
        raise SignalError(
            f"magnitudes of shape {shape}: [batch, {channels}, frame, bin] expected, with at least "
            f"one frame and a multiple of {GRID} bins"
        )
