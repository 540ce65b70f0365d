"""The U-Net over an endless stream, each mask with all the future it can use.

Every layer keeps the few columns that its next output still needs, so a chunk costs the arithmetic
of its own frames only, and the masks are those of one run over the whole song: columns
are counted from the stream's first frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dsp.errors import SignalError
from dsp.networks.unet_layers import activate, convolve, grow, mask_of
from dsp.networks.unet_shape import GRID, LOOK_AHEAD_FRAMES
from dsp.networks.unet_weights import UNetWeights

RECEPTIVE_FIELD_FRAMES = 255
"""How far a mask looks, at most, into the past and into the future."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Consecutive columns, [1, channel, column, bin], and the index of the first."""

    values: Tensor
    start: int

    @property
    def stop(self) -> int:
        return self.start + self.values.shape[2]

    def then(self, later: _Columns) -> _Columns:
        return _Columns(torch.cat([self.values, later.values], dim=2), self.start)

    def since(self, start: int) -> _Columns:
        start = max(start, self.start)
        return _Columns(self.values[:, :, start - self.start :], start)

    def until(self, stop: int) -> _Columns:
        return _Columns(self.values[:, :, : stop - self.start], self.start)


@dataclass(frozen=True, slots=True)
class _State:
    """What each layer still needs. Nothing in it is ever written to, so sharing is copying."""

    frames: int
    down: tuple[_Columns, ...]  # inputs of each encoder block
    skips: tuple[_Columns, ...]  # raw outputs of each encoder block that wait for the way up
    up: tuple[_Columns, ...]  # inputs of each decoder block
    last: _Columns  # input of the mask's layer


class LookAheadUNet:
    """Magnitudes in, masks out, ``LOOK_AHEAD_FRAMES`` behind.

    Equals ``unet_mask`` over the whole stream followed by silence, at least the receptive field
    long. Like a window, the stream begins at an edge: to a network that was trained on excerpts,
    that is another thing than silence, and better where music starts at once.
    """

    def __init__(self, weights: UNetWeights, bins: int) -> None:
        self._weights = weights
        self._shape = (weights.encoder_channels[0], bins)
        self._beginning = _nothing(weights, bins)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame begins a grid."""
        self._state = self._beginning
        self._first: list[Tensor] = []

    def push(self, magnitudes: Tensor) -> Tensor:
        """[channel, n * GRID, bin] -> masks of the same shape; zeros before the first frame's.

        All at once, so that every weight is fetched once. Raises SignalError for another shape.
        """
        channels, bins = self._shape
        if magnitudes.shape != (channels, magnitudes.shape[1], bins) or magnitudes.shape[1] % GRID:
            raise SignalError(
                f"magnitudes {tuple(magnitudes.shape)}: [{channels}, n * {GRID}, {bins}] expected"
            )
        if not magnitudes.shape[1]:
            return magnitudes
        with torch.inference_mode():
            if self._state is self._beginning:
                return self._begin(magnitudes)
            return self._run(magnitudes)

    def _begin(self, magnitudes: Tensor) -> Tensor:
        """Wait until a mask is complete."""
        self._first.append(magnitudes)
        frames = torch.cat(self._first, dim=1)
        if frames.shape[1] <= LOOK_AHEAD_FRAMES:
            return torch.zeros_like(magnitudes)
        self._first.clear()
        mask = self._run(frames)
        return functional.pad(mask, (0, 0, magnitudes.shape[1] - mask.shape[1], 0))

    def _run(self, frames: Tensor) -> Tensor:
        self._state, mask = _step(self._weights, self._state, frames[None])
        return mask[0]


def _step(weights: UNetWeights, state: _State, chunk: Tensor) -> tuple[_State, Tensor]:
    frames = _Columns(chunk, state.frames)
    down, skips, deepest = _descend(weights, state, frames)
    up, skips, top = _ascend(weights, state, skips, deepest)
    last = state.last.then(top)
    mask = mask_of(weights, last.values)
    return _State(frames.stop, down, skips, up, last.since(last.stop - 6)), mask


def _descend(
    weights: UNetWeights, state: _State, x: _Columns
) -> tuple[tuple[_Columns, ...], tuple[_Columns, ...], _Columns]:
    """Return the inputs and skips to keep, and the new raw columns of the deepest level."""
    down, skips = [], []
    raw = x
    for block, past, skip in zip(weights.encoder, state.down, state.skips, strict=True):
        inputs = past.then(x)
        raw = _Columns(convolve(block, inputs.values), (inputs.start + 1) // 2)
        down.append(inputs.since(2 * raw.stop - 1))
        skips.append(skip.then(raw))
        x = _Columns(activate(block, raw.values), raw.start)
    return tuple(down), tuple(skips), raw


def _ascend(
    weights: UNetWeights, state: _State, skips: tuple[_Columns, ...], x: _Columns
) -> tuple[tuple[_Columns, ...], tuple[_Columns, ...], _Columns]:
    """Return the inputs and skips to keep, and the new columns of level 0."""
    up, waiting = [], [skips[-1].since(skips[-1].stop)]
    for block, past, skip in zip(weights.decoder, state.up, (None, *skips[-2::-1]), strict=True):
        if skip is not None:
            beside = skip.since(x.start).until(x.stop)
            x = _Columns(torch.cat([beside.values, x.values], dim=1), x.start)
            waiting.append(skip.since(x.stop))
        inputs = past.then(x)
        grown = _Columns(grow(block, inputs.values), 2 * inputs.start - 1)
        # Complete are those that no column before or after the inputs feeds.
        complete = grown.since(2 * inputs.start + 2).until(2 * inputs.stop - 1)
        up.append(inputs.since(inputs.stop - 2))
        x = complete.since(2 * x.start - 1)
    return tuple(up), tuple(reversed(waiting)), x


def _nothing(weights: UNetWeights, bins: int) -> _State:
    """Make the state at a window's left edge, padded as a whole window is."""
    widths = [block.weight.shape[0] for block in weights.encoder]
    inputs = [weights.encoder_channels[0], *widths[:-1]]
    levels = range(len(widths))
    return _State(
        frames=0,
        down=tuple(_zeros(inputs[k], 1, bins >> k) for k in levels),
        skips=tuple(_zeros(widths[k], 0, bins >> (k + 1)) for k in levels),
        up=tuple(
            _zeros(block.weight.shape[0], 1, bins >> (len(widths) - k))
            for k, block in enumerate(weights.decoder)
        ),
        last=_zeros(1, 3, bins),
    )


def _zeros(channels: int, columns: int, bins: int) -> _Columns:
    """Columns before column 0."""
    return _Columns(torch.zeros(1, channels, columns, bins), -columns)
