"""The U-Net as a live stream computes it, for many moments at once: the form that is trained.

A stream's newest columns see a future that is not there, so at every moment each level has two edge
columns, 0 and 1, beside the final ones. Trained as it is streamed, the network can learn what to
make of that. The streaming form (`rocknet_streaming`) computes the same masks.

Moments are sparse: neighbouring masks have much in common, so a step learns more from a few masks
of many songs. The deep levels hear one moment, a *tick*; the mask is made ``age`` frames later, or
a hop more, of the shallow levels' newest columns and what the deep ones said. Final columns are
computed only where a tick or a mask needs them.

Tensors are [batch * moment, channel, 1, bin], channels-last; where there are several columns, the
channels of column 0 come first.

Reference: Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR
2017; Hennequin et al., "Spleeter", JOSS 2020 (shape and first weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.networks.causal_conv import bin_phases, woven
from dsp.networks.rocknet_grid import FIRST_DEEP_LEVEL, KERNEL_COLUMNS
from dsp.networks.unet_layers import MASK_REACH, activate, convolve
from dsp.networks.unet_shape import FIELDS, LEVELS
from dsp.networks.unet_weights import ConvBlock, UNetWeights

_Table = tuple[tuple[int | None, ...], ...]
# Time taps of a decoder block by output column, then by input column; None: not reached.
_USUAL: _Table = ((2, 4, None), (1, 3, None), (0, 2, 4))
_LAST_BUT_ONE: _Table = (*_USUAL, (None, 1, 3))
_LAST: _Table = ((1, 3, None, None), (None, 1, 3, None), (None, None, 1, 3))  # columns 1, 3, 5
_TABLES = (_USUAL, _USUAL, _USUAL, _USUAL, _LAST_BUT_ONE, _LAST)


@dataclass(frozen=True, slots=True)
class Moments:
    """Frames at which the deep levels listen, ``apart`` from each other; masks come later.

    ``apart`` is a power of two up to 16: final columns then lie on few grids.
    """

    first: int
    apart: int
    age: int

    def count(self, frames: int) -> int:
        """How many moments have their mask within so many frames."""
        return max(0, -(-(frames - self.first - self.age) // self.apart))

    def masks(self, frames: int) -> range:
        """Frames whose masks are made."""
        first = self.first + self.age
        return range(first, first + self.count(frames) * self.apart, self.apart)


@dataclass(frozen=True, slots=True)
class _Finals:
    """Final columns [batch, channel, column, bin] of one level, ``apart`` frames from each other.

    The first is that of frame ``first``; ``silence`` [1, channel, 1, bin] is any before it.
    """

    values: Tensor
    silence: Tensor
    first: int
    apart: int

    def at(self, frames: range, back: int = 0) -> Tensor:
        """Return the columns of some frames, or of ``back`` frames before each, as moments."""
        before = back // self.apart
        past = self._after_silence(before)
        start = (frames.start - self.first) // self.apart
        step = frames.step // self.apart
        return _as_moments(past[:, :, start : start + step * len(frames) : step])

    def convolved(self, block: ConvBlock, spacing: int, frames: range) -> _Finals:
        """Return the next level's, on the grid that ``frames`` need; ``spacing`` frames a tap."""
        apart = min(frames.step, 2 * spacing)
        first = frames.start % apart
        dilation = spacing // self.apart
        start = (first - self.first) // self.apart
        past = self._after_silence((KERNEL_COLUMNS - 1) * dilation)[:, :, start:]
        values = _convolved(block, past, stride=apart // self.apart, dilation=dilation)
        silence = convolve(block, self.silence.expand(-1, -1, KERNEL_COLUMNS, -1))
        return _Finals(values, silence, first, apart)

    def activated(self, block: ConvBlock) -> _Finals:
        """Return what goes one level down."""
        values, silence = activate(block, self.values), activate(block, self.silence)
        return _Finals(values, silence, self.first, self.apart)

    def _after_silence(self, columns: int) -> Tensor:
        if not columns:
            return self.values
        silence = self.silence.expand(self.values.shape[0], -1, columns, -1)
        return torch.cat([silence, self.values], dim=2)


@dataclass(frozen=True, slots=True)
class _Level:
    """One level's output as some frames hear it: final columns, and their edge columns 0 and 1."""

    finals: _Finals
    edges: tuple[Tensor, Tensor]

    def columns(self, frames: range) -> list[Tensor]:
        """Return columns 0, 1 and 2."""
        return [*self.edges, self.finals.at(frames)]

    def activated(self, block: ConvBlock) -> _Level:
        """Return what goes one level down."""
        newest, next_newest = (activate(block, edge) for edge in self.edges)
        return _Level(self.finals.activated(block), (newest, next_newest))

    def convolved(self, block: ConvBlock, spacing: int, frames: range) -> _Level:
        """Return the next level's raw output: edge columns from five columns and from three."""
        older = [self.finals.at(frames, back) for back in (2 * spacing, spacing, 0)]
        inputs = torch.cat([*older, self.edges[1], self.edges[0]], dim=2)
        next_newest = _convolved(block, inputs)
        newest = _convolved(block, inputs[:, :, 2:])  # what its later taps read is to come
        return _Level(self.finals.convolved(block, spacing, frames), (newest, next_newest))


class LiveUNet(nn.Module):
    """Magnitudes to masks at some moments; parameters are named like the tensors of `UNetWeights`.

    It starts from ``weights``, which are copied.
    """

    def __init__(self, weights: UNetWeights) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(_Block(block) for block in weights.encoder)
        self.decoder = nn.ModuleList(_Block(block) for block in weights.decoder)
        self.mask = _MaskLayer(weights)

    @property
    def weights(self) -> UNetWeights:
        """The parameters as they are now, not copied."""
        encoder, decoder = (
            tuple(cast("_Block", block).tensors for block in side)
            for side in (self.encoder, self.decoder)
        )
        return UNetWeights(encoder, decoder, self.mask.weight, self.mask.bias)

    def forward(self, magnitudes: tuple[Tensor, Tensor], moments: Moments) -> Tensor:
        """[batch, channel, frame, bin] to masks [batch * moment, channel, 1, bin], 0 to 1.

        ``magnitudes`` are as heard at the ticks and as heard at the masks: the same frames, or a
        hop later. Before the first frame there was silence without end.
        """
        weights, (past, now) = self.weights, magnitudes
        heard = moments.masks(now.shape[2])
        ticks = range(moments.first, moments.first + len(heard) * moments.apart, moments.apart)
        held = _deep(weights, _shallow(weights, past, ticks)[-1], ticks)
        return _ascend(weights, _shallow(weights, now, heard), heard, held)


class _Block(nn.Module):
    """A `ConvBlock` whose tensors are trained."""

    def __init__(self, block: ConvBlock) -> None:
        super().__init__()
        for field in FIELDS:
            values = getattr(block, field).detach().clone()
            self.register_parameter(field, nn.Parameter(values))

    @property
    def tensors(self) -> ConvBlock:
        return ConvBlock(*(cast("Tensor", getattr(self, field)) for field in FIELDS))


class _MaskLayer(nn.Module):
    """The last layer, likewise."""

    def __init__(self, weights: UNetWeights) -> None:
        super().__init__()
        self.weight = nn.Parameter(weights.mask_weight.detach().clone())
        self.bias = nn.Parameter(weights.mask_bias.detach().clone())


def _shallow(weights: UNetWeights, magnitudes: Tensor, frames: range) -> list[_Level]:
    """Run the levels that follow every frame, down: their raw outputs.

    The newest frame sounds on for two more, so it is all three of the input's newest columns.
    """
    finals = _Finals(magnitudes, torch.zeros_like(magnitudes[:1, :, :1]), 0, 1)
    newest = finals.at(frames)
    level = _Level(finals, (newest, newest))
    levels = []
    for depth, block in enumerate(weights.encoder[:FIRST_DEEP_LEVEL]):
        levels.append(level.convolved(block, 2**depth, frames))
        level = levels[-1].activated(block)
    return levels


def _deep(weights: UNetWeights, above: _Level, ticks: range) -> Tensor:
    """Run the deep levels, down and up again: columns 0, 1 and 2 of the last shallow level."""
    skips, level = [], above
    for depth in range(FIRST_DEEP_LEVEL, LEVELS):
        level = level.activated(weights.encoder[depth - 1])
        level = level.convolved(weights.encoder[depth], 2**depth, ticks)
        skips.append(torch.cat(level.columns(ticks), dim=1))
    x = skips.pop()
    for stage, skip in enumerate(reversed(skips)):
        x = torch.cat([skip, up_block(weights, stage).grow(x)], dim=1)
    return up_block(weights, len(skips)).grow(x)


def _ascend(weights: UNetWeights, levels: Sequence[_Level], frames: range, held: Tensor) -> Tensor:
    x = held
    for stage in range(LEVELS - FIRST_DEEP_LEVEL, LEVELS):
        level = levels[LEVELS - 1 - stage]
        columns = level.columns(frames)
        if stage == LEVELS - 1:
            columns.append(level.finals.at(frames, 2))
        x = up_block(weights, stage).grow(torch.cat([*columns, x], dim=1))
    return present_mask(weights, x)


def present_mask(weights: UNetWeights, x: Tensor) -> Tensor:
    """Columns 1, 3 and 5 to the mask of column 2, which is the present."""
    by_column = weights.mask_weight[:, 0].flip(1)[:, 1:]
    padded = functional.pad(x, (MASK_REACH, MASK_REACH))
    raw = functional.conv2d(padded, by_column[:, :, None], weights.mask_bias, dilation=(1, 2))
    return torch.sigmoid(raw)


@dataclass(frozen=True, slots=True)
class UpBlock:
    """A decoder block as one product for every output column.

    The transposed convolution is written as a plain one that gives even and odd bins as channels of
    their own.
    """

    weight: Tensor  # [phase * column * out, column * in, 1, 3]
    bias: Tensor  # [phase * column * out]
    scale: Tensor  # [column * out, 1, 1], as the next
    shift: Tensor

    def grow(self, x: Tensor) -> Tensor:
        """[.., column * in, 1, n] to [.., column * out, 1, 2 n]; a skip's columns come first."""
        raw = functional.conv2d(x, self.weight, self.bias, padding=(0, 1))
        return torch.addcmul(self.shift, functional.relu(woven(raw)), self.scale)


def up_block(weights: UNetWeights, stage: int) -> UpBlock:
    """Arrange a decoder block."""
    block, table = weights.decoder[stage], _TABLES[stage]
    sides = block.weight.chunk(2) if stage else (block.weight,)
    joined = torch.cat([_by_columns(side, table) for side in sides], dim=1)
    scale, shift = (v.repeat(len(table))[:, None, None] for v in (block.scale, block.shift))
    return UpBlock(joined, block.bias.repeat(2 * len(table)), scale, shift)


def _by_columns(weight: Tensor, table: _Table) -> Tensor:
    """[in, out, time, 5] to [phase * column * out, column * in, 1, 3]; see ``bin_phases``."""
    blocks = [[_phases_of_tap(weight, tap) for tap in of_inputs] for of_inputs in table]
    joined = torch.stack([torch.cat(row, dim=2) for row in blocks], dim=1)
    return joined.flatten(0, 2)[:, :, None]


def _phases_of_tap(weight: Tensor, tap: int | None) -> Tensor:
    """[phase 2, out, in, 3] of one time tap; zeros where there is none."""
    inputs, outputs = weight.shape[:2]
    if tap is None:
        return weight.new_zeros(2, outputs, inputs, 3)
    return bin_phases(weight[:, :, tap]).reshape(2, outputs, inputs, 3)


def _convolved(block: ConvBlock, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Convolve columns, at most five taps of them; stride and dilation are in columns."""
    padded, weight = functional.pad(x, (1, 2)), block.weight[:, :, : x.shape[2]]
    return functional.conv2d(padded, weight, block.bias, stride=(stride, 2), dilation=(dilation, 1))


def _as_moments(columns: Tensor) -> Tensor:
    """[batch, channel, moment, bin] to [batch * moment, channel, 1, bin]."""
    return columns.transpose(1, 2).flatten(0, 1)[:, :, None]
