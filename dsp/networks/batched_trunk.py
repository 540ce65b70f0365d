"""The trunks of some streams at once, one frame of each in one pass of fixed shape.

Streams are out of step, and a graph of a GPU has no branches: every level is computed for every
stream at every frame, and what a stream has no tick for is thrown away. `PhoenixTrunk` is the
oracle, `TrunkStep` the same on a processor.
"""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from dsp.networks.batched_state import keep_where, of_streams
from dsp.networks.phoenix_shape import BINS, USUAL_MAGNITUDE
from dsp.networks.phoenix_trunk import LEAK

if TYPE_CHECKING:
    from dsp.networks.phoenix_trunk import PhoenixTrunk


class BatchedTrunk:
    """What the trunks of ``streams`` streams remember, and the step that moves them on."""

    def __init__(self, trunk: PhoenixTrunk, streams: int) -> None:
        self._trunk = trunk
        self._periods = list(accumulate((level.apart for level in trunk.stack), mul))
        silence = torch.zeros(streams, trunk.config.inputs, 1, BINS, device=trunk.mask.bias.device)
        state = trunk.initial_state(streams)
        trunk(silence, state)  # gives every past its shape, at hop 0, where all levels tick
        self._pasts = [torch.zeros_like(_made(level.past)) for level in state.levels]
        self._held = [torch.zeros_like(level.held) for level in state.levels]
        self._mask_past = torch.zeros_like(_made(state.mask_past))

    def reset(self, stream: int) -> None:
        """Silence so far, for one stream."""
        for remembered in (*self._pasts, *self._held, self._mask_past):
            remembered[stream] = 0.0

    def listen(self, magnitudes: Tensor, frames: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Return answers and logits of the next frames: [stream, channel, 1, 1024] each.

        ``magnitudes`` [stream, 2, 1024]; ``frames`` [stream] are their indices, which place the
        ticks; only what ``active`` [stream] streams remember moves on.
        """
        x, skips, due = magnitudes[:, :, None] / USUAL_MAGNITUDE, [], []
        for level, period, past in zip(self._trunk.stack, self._periods, self._pasts, strict=True):
            due.append(of_streams(active & (frames % period == 0)))
            skip, newer = level.down(x, past)
            keep_where(due[-1], newer, past)
            skips.append(skip)
            x = functional.leaky_relu(skip, LEAK)
        joined = skips[-1]
        for depth in reversed(range(len(skips))):
            if depth + 1 < len(skips):
                joined = torch.cat([skips[depth], self._held[depth + 1]], dim=1)
            answer = functional.relu(self._trunk.stack[depth].up(joined))
            keep_where(due[depth], answer, self._held[depth])
        logits, newer = self._trunk.mask(answer, self._mask_past)
        keep_where(due[0], newer, self._mask_past)
        return answer, logits


def _made(past: Tensor | None) -> Tensor:
    """Return what a pass has made."""
    assert past is not None  # noqa: S101 -- for the type's sake
    return past
