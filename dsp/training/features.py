"""What the open U-Net hears inside, on full context: targets for each level of a causal trunk.

A column of the U-Net is final once the future it reads is there; the trunk's level must say the
same at once, from past and present alone. Every column gives thousands of numbers to learn from,
level by level, where the loss on samples gives each deep level only what comes down through all the
others.

Reference: Romero et al., "FitNets: hints for thin deep nets", ICLR 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dsp.networks.phoenix_shape import TrunkConfig
from dsp.networks.unet_layers import activate, convolve
from dsp.networks.unet_weights import UNetWeights

_PADDING = (1, 2)  # columns before and after, at every level of the way down
# The trunk's frame has its weight 1024 samples before its end, the U-Net's symmetric one 2048: the
# same moment is the middle of a frame that ends one step later.
_LATER_FRAMES = 1
_FLOOR = 1e-2


def final_columns(weights: UNetWeights, magnitudes: Tensor, shift: int) -> list[Tensor]:
    """Skips of the way down, scaled and shifted: [batch, channel, frame / 2^k, bin / 2^k].

    ``magnitudes`` [batch, channel, frame, bin] of symmetric frames, one step apart; ``shift``
    frames of silence go before them and place the grid.
    """
    frames = magnitudes.shape[2] + shift
    x = functional.pad(magnitudes, (0, 0, shift, -frames % 2 ** len(weights.encoder)))
    columns = []
    for block in weights.encoder:
        raw = convolve(block, functional.pad(x, (0, 0, *_PADDING)))
        columns.append(raw * block.scale[:, None, None] + block.shift[:, None, None])
        x = activate(block, raw)
    return columns


def grid_shift(config: TrunkConfig) -> int:
    """Frames of silence that make the newest frame of a column fall on a frame that ticks.

    Column ``j`` of level ``k`` has its newest frame of the present at ``2^k (j + 1) - 1``.
    """
    slowest = max(config.ticks)
    return -(_LATER_FRAMES + 1) % slowest


def pairs(
    skips: list[Tensor], columns: list[Tensor], config: TrunkConfig, frames: int
) -> list[tuple[Tensor, Tensor]]:
    """Match a trunk's skips with the final columns of the same moments, level by level.

    Skips are [batch, channel, tick, bin] of a stream that began at frame zero. Columns whose future
    is not there within ``frames`` are left out; so are levels with no column left.
    """
    shift = grid_shift(config) + _LATER_FRAMES
    matched = []
    for depth, (skip, column) in enumerate(zip(skips, columns, strict=True)):
        spacing, tick = 2 ** (depth + 1), config.ticks[depth]
        # Column j belongs to frame spacing * (j + 1) - 1 - shift, and reads three spacings further.
        moments = torch.arange(column.shape[2]) * spacing + spacing - 1 - shift
        usable = (moments >= 0) & (moments % tick == 0) & (moments + 3 * spacing < frames)
        if usable.any():
            matched.append((skip[:, :, moments[usable] // tick], column[:, :, usable]))
    return matched


def mismatch_db(matched: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Squared difference against the target's variance, in dB, mean over levels."""
    levels = []
    for skip, column in matched:
        variance = (column - column.mean(dim=(0, 2, 3), keepdim=True)).square().mean()
        error = (skip - column).square().mean()
        levels.append(10.0 * torch.log10(error / (variance + 1e-9) + _FLOOR))
    return torch.stack(levels).mean()
