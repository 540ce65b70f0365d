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
from dsp.networks.unet_layers import MASK_REACH, activate, convolve, grow, mask_of
from dsp.networks.unet_shape import GRID

if TYPE_CHECKING:
    from dsp.networks.unet_weights import UNetWeights

_PADDING = (1, 2)  # columns before and after, at every level of the way down


def unet_mask(weights: UNetWeights, magnitudes: Tensor, keep: range | None = None) -> Tensor:
    """Magnitudes to a mask between 0 and 1, both [batch, channel, frame, bin].

    Any number of frames: up to the next multiple of ``GRID`` the future is zeros. With ``keep``
    only the masks of these consecutive frames are returned, at less cost: the way up is as wide as
    they need. Raises SignalError for other channels than the network's, bins not a multiple of
    ``GRID``, or frames to keep that are not there.
    """
    keep = range(magnitudes.shape[2]) if keep is None else keep
    _check(weights, magnitudes, keep)
    with torch.inference_mode():
        padded = functional.pad(magnitudes, (0, 0, 0, -magnitudes.shape[2] % GRID))
        return _ascend(weights, _descend(weights, padded), keep)


def _descend(weights: UNetWeights, x: Tensor) -> list[Tensor]:
    """Compute all skips, [batch, channel, frame / 2^k, bin / 2^k] for k = 1 to 6."""
    skips = []
    for block in weights.encoder:
        skips.append(convolve(block, functional.pad(x, (0, 0, *_PADDING))))
        x = activate(block, skips[-1])
    return skips


def _ascend(weights: UNetWeights, skips: list[Tensor], keep: range) -> Tensor:
    """Find the mask of the frames to keep, [batch, channel, frame, bin]."""
    spans = _spans(keep, [2 * skips[0].shape[2], *(skip.shape[2] for skip in skips)])
    x = skips[-1][:, :, _slice(spans[-1])]
    for level, block in zip(range(len(skips), 0, -1), weights.decoder, strict=True):
        here, above = spans[level], spans[level - 1]
        if level < len(skips):
            x = torch.cat([skips[level - 1][:, :, _slice(here)], x], dim=1)
        first = above.start - 2 * here.start + 1  # among the columns that `grow` gives
        x = grow(block, x)[:, :, first : first + len(above)]
    before, after = keep.start - spans[0].start, spans[0].stop - keep.stop
    return mask_of(weights, functional.pad(x, (0, 0, MASK_REACH - before, MASK_REACH - after)))


def _spans(keep: range, column_counts: list[int]) -> list[range]:
    """Find the columns of levels 0, 1, ... that the way up needs for the frames to keep.

    The last layer reaches over three columns on each side. Column ``i`` of a level feeds columns
    ``2 i - 1`` to ``2 i + 3`` of the level above it.
    """
    spans = [range(max(keep.start - MASK_REACH, 0), min(keep.stop + MASK_REACH, column_counts[0]))]
    for count in column_counts[1:]:
        above = spans[-1]
        spans.append(range(max((above.start - 2) // 2, 0), min(above.stop // 2 + 1, count)))
    return spans


def _slice(columns: range) -> slice:
    return slice(columns.start, columns.stop)


def _check(weights: UNetWeights, magnitudes: Tensor, keep: range) -> None:
    channels = weights.encoder_channels[0]
    shape = tuple(magnitudes.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] == 0 or shape[3] % GRID:
        raise SignalError(
            f"magnitudes of shape {shape}: [batch, {channels}, frame, bin] expected, with at least "
            f"one frame and a multiple of {GRID} bins"
        )
    if keep.step != 1 or not 0 <= keep.start < keep.stop <= shape[2]:
        raise SignalError(f"frames {keep} to keep: consecutive ones of 0 to {shape[2]} expected")
