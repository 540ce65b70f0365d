"""The live U-Nets of some streams at once, one hop of each in one pass of fixed shape.

`StreamingUNet` says what is computed and why; here every level is computed for every stream at
every hop, for a graph of a GPU has no branches, and what a stream does not need is thrown away.

Tensors are [stream, channel, 1, bin]; where there are several columns, column 0's channels come
first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from dsp.networks.batched_state import in_slots, keep_in_slots, keep_where, of_streams
from dsp.networks.live_unet import present_mask, up_block
from dsp.networks.rocknet_grid import FIRST_DEEP_LEVEL
from dsp.networks.unet_layers import activate
from dsp.networks.unet_shape import BIN_COUNT, LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.unet_weights import ConvBlock, UNetWeights

_TIME_TAPS = 5
_SPLIT_STAGE = LEVELS - FIRST_DEEP_LEVEL  # of the decoder: from here on it runs at every hop


class BatchedUNet:
    """What the U-Nets of ``streams`` streams remember, and the step that moves them on."""

    def __init__(self, weights: UNetWeights, grid: HopGrid, streams: int) -> None:
        self._weights, self._grid = weights, grid
        self._downs = [_Down.of(block) for block in weights.encoder]
        self._ups = [up_block(weights, stage) for stage in range(LEVELS)]
        self._silence = self._settled()
        self._state = [one.repeat_interleave(streams, dim=0) for one in self._silence]
        *self._sums, self._delayed, self._found, self._heard = self._state

    def reset(self, stream: int) -> None:
        """Silence without end, for one stream."""
        for remembered, silence in zip(self._state, self._silence, strict=True):
            remembered[stream] = silence[0]

    def push(self, magnitudes: Tensor, hops: Tensor, active: Tensor) -> Tensor:
        """Map the newest magnitudes [stream, 2, 1024] to their masks, [stream, 2, 1, 1024].

        ``hops`` [stream] are their indices; only what ``active`` [stream] streams remember moves
        on.
        """
        column = magnitudes[:, :, None]
        columns, skips = [column, column, column], []
        for level in range(FIRST_DEEP_LEVEL):
            skips.append(self._descend(level, columns, hops, active))
            columns = self._activated(level, skips[-1])
        self._refresh(columns, hops, active)
        x = self._heard
        for stage in range(_SPLIT_STAGE, LEVELS):
            joined = skips[LEVELS - 1 - stage]
            if stage == LEVELS - 1:
                joined = [*joined, self._delay(joined[-1], hops, active)]
            x = self._ups[stage].grow(torch.cat([*joined, x], dim=1))
        return present_mask(self._weights, x)

    def _refresh(self, columns: list[Tensor], hops: Tensor, active: Tensor) -> None:
        """Run the deep levels for streams that are due; what they found is heard when it is."""
        since = hops % self._grid.deep_period
        is_due = active & (since == 0)
        skips = []
        for level in range(FIRST_DEEP_LEVEL, LEVELS):
            skips.append(self._descend(level, columns, hops, is_due))
            columns = self._activated(level, skips[-1])
        x = torch.cat(skips.pop(), dim=1)
        for stage in range(_SPLIT_STAGE):
            x = self._ups[stage].grow(x)
            if skips:
                x = torch.cat([*skips.pop(), x], dim=1)
        keep_where(of_streams(is_due), x, self._found)
        is_heard = active & (since == self._grid.deep_hops - 1)
        keep_where(of_streams(is_heard), self._found, self._heard)

    def _descend(
        self, level: int, columns: list[Tensor], hops: Tensor, due: Tensor
    ) -> list[Tensor]:
        """Return a level's columns 0, 1, 2 from those of its input, before normalisation."""
        grid = self._grid
        slots = hops // grid.period_hops(level) % grid.slots(level)
        sums = in_slots(slots, self._sums[level])
        newest, next_newest, final, newer = self._downs[level].columns(columns, sums)
        keep_in_slots(of_streams(due), newer, slots, self._sums[level])
        return [newest, next_newest, final]

    def _activated(self, level: int, columns: list[Tensor]) -> list[Tensor]:
        return [activate(self._weights.encoder[level], column) for column in columns]

    def _delay(self, final: Tensor, hops: Tensor, active: Tensor) -> Tensor:
        """Return level 0's column 3, and keep its column 2 until it is that."""
        slots = hops % self._grid.delayed_slots
        delayed = in_slots(slots, self._delayed)
        keep_in_slots(of_streams(active), final, slots, self._delayed)
        return delayed

    def _settled(self) -> list[Tensor]:
        """Work out what silence without end leaves of one stream: as `_state`, stream by stream."""
        weights, grid = self._weights, self._grid
        column = torch.zeros(
            1, self._downs[0].inputs, 1, BIN_COUNT, device=weights.mask_bias.device
        )
        self._sums, finals = [], []
        for level, down in enumerate(self._downs):
            sums = down.settled(column)
            self._sums.append(sums[:, None].repeat(1, grid.slots(level), *[1] * (sums.ndim - 1)))
            finals.append(down.columns([column] * 3, sums)[2])
            column = activate(weights.encoder[level], finals[-1])
        self._delayed = finals[0][:, None].repeat(1, grid.delayed_slots, 1, 1, 1)
        bins = 2 * finals[FIRST_DEEP_LEVEL].shape[-1]
        shape = (1, len(self._ups[_SPLIT_STAGE - 1].scale), 1, bins)
        self._found, self._heard = (weights.mask_bias.new_zeros(shape) for _ in range(2))
        now = torch.zeros(1, dtype=torch.int64, device=weights.mask_bias.device)
        silence = weights.mask_bias.new_zeros(1, self._downs[0].inputs, BIN_COUNT)
        self.push(silence, now, now == 0)  # a refresh: of silence, as all that is remembered
        self._heard = self._found
        return [*self._sums, self._delayed, self._found, self._heard]


@dataclass(frozen=True, slots=True)
class _Down:
    """An encoder's convolution: what a final column gives to every time tap, and what edges do."""

    final: Tensor  # [time tap * out, in, 1, 5]
    edges: Tensor  # [(column 0, 1) * out, (column 0, 1) * in, 1, 5]
    bias: Tensor  # [out, 1, 1]

    @classmethod
    def of(cls, block: ConvBlock) -> _Down:
        """Arrange a block [out, in, time tap, bin tap]; with its edges, five columns fill it."""
        weight = block.weight
        by_tap = weight.permute(2, 0, 1, 3)[:, :, :, None]
        newest = torch.cat([by_tap[2], by_tap[1]], dim=1)
        next_newest = torch.cat([by_tap[4], by_tap[3]], dim=1)
        return cls(
            by_tap.flatten(0, 1), torch.cat([newest, next_newest]), block.bias[:, None, None]
        )

    @property
    def inputs(self) -> int:
        """Channels that it reads."""
        return self.final.shape[1]

    def columns(self, columns: list[Tensor], sums: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return columns 0, 1 and 2, and the sums [stream, 4 * out, 1, bin] that are left.

        ``sums`` are those that the column before it left: what awaits 1 to 4 more final columns.
        """
        newest, next_newest, final = columns
        products = _convolved(self.final, final)
        outputs = len(self.bias)
        own, last = products[:, :-outputs], products[:, -outputs:]
        newer = own + functional.pad(sums[:, :-outputs], (0, 0, 0, 0, outputs, 0))
        completed = last + sums[:, -outputs:] + self.bias
        at_edges = _convolved(self.edges, torch.cat([newest, next_newest], dim=1))
        first, second = at_edges.chunk(2, dim=1)
        awaiting = newer.chunk(_TIME_TAPS - 1, dim=1)
        return awaiting[0] + first + self.bias, awaiting[2] + second + self.bias, completed, newer

    def settled(self, column: Tensor) -> Tensor:
        """Return the sums that the same final column leaves when it has come for ever."""
        products = _convolved(self.final, column)
        by_tap = products.reshape(len(products), _TIME_TAPS, -1, *products.shape[2:])[:, :-1]
        return by_tap.cumsum(dim=1).flatten(1, 2)


def _convolved(weight: Tensor, column: Tensor) -> Tensor:
    return functional.conv2d(functional.pad(column, (1, 2)), weight, stride=(1, 2))
