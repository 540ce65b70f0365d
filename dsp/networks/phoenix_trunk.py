"""Phoenix's trunk: a causal U-Net over frequency whose deep levels tick slowly.

Each level halves the bins and looks back twice as far as the one before it. What lies deep changes
slowly, so a deep level runs only once in so many frames; its newest answer is held until its next
tick, and the shallow levels decode every frame on top of it. So seconds of context cost little, and
the mask still follows each frame.

One step is 1024 samples. A finer hop, ``frames_per_step`` > 1, runs the same weights on interleaved
grids: dilations and ticks are stretched, nothing else.

References: Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR
2017; Hennequin et al., "Spleeter", JOSS 2020 (widths and kernels, so that its weights can be the
starting point); van den Oord et al., "WaveNet", 2016 (dilated causal convolutions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.networks.causal_conv import CausalBinConv, CausalDownConv, UpConv
from dsp.networks.phoenix_shape import BINS, CHANNELS, USUAL_MAGNITUDE, TrunkConfig

LEAK = 0.2
_MASK_TAPS = 4


@dataclass
class LevelState:
    """What one level carries from one push to the next."""

    past: Tensor | None  # its input's last frames: [batch, inputs, past tick, padded bin]
    held: Tensor  # its newest answer: [batch, answer channel, 1, bin]
    until_tick: int  # frames of the level above until it runs again


@dataclass
class TrunkState:
    """What a stream carries from one push to the next."""

    levels: list[LevelState]
    mask_past: Tensor | None  # [batch, phase, past frame, bin / 2]


class Level(nn.Module):
    """One level down and the same way up again.

    The raw convolution is the skip, its activation goes down. There is no normalisation: the
    convolutions carry what training made of it, so nothing depends on the batch or the stream.
    """

    def __init__(self, config: TrunkConfig, depth: int, frames_per_step: int) -> None:
        super().__init__()
        widths = (config.inputs, *config.widths)
        inputs, width = widths[depth], widths[depth + 1]
        deepest = depth == len(config.widths) - 1
        self.apart = config.ticks_apart(depth, frames_per_step)
        self.answer_width = inputs if depth else config.answer_width
        self.down = CausalDownConv(
            inputs,
            width,
            time_taps=config.time_taps[depth],
            dilation=config.dilation(depth, frames_per_step),
        )
        self.up = UpConv(width if deepest else 2 * width, self.answer_width)

    def initial_state(self, batch: int, bins: int, frame: int) -> LevelState:
        """Silence so far; ``frame`` counts those of the level above."""
        return LevelState(
            past=None,
            held=self.up.bias.new_zeros(batch, self.answer_width, 1, bins),
            until_tick=-frame % self.apart,
        )


class PhoenixTrunk(nn.Module):
    """Magnitudes to mask logits, causally: [batch, channel 2, frame, bin 1024] to itself."""

    def __init__(self, config: TrunkConfig, frames_per_step: int = 1) -> None:
        super().__init__()
        self.config = config
        self.frames_per_step = frames_per_step
        depths = range(len(config.widths))
        self.levels = nn.ModuleList(Level(config, depth, frames_per_step) for depth in depths)
        self.mask = CausalBinConv(
            config.answer_width, CHANNELS, time_taps=_MASK_TAPS, dilation=frames_per_step
        )

    @property
    def stack(self) -> Sequence[Level]:
        """The levels, shallowest first."""
        return cast("Sequence[Level]", self.levels)

    def initial_state(self, batch: int = 1, frame: int = 0) -> TrunkState:
        """Silence so far; ``frame`` is the index of the first frame to come: it places the ticks.

        A stream that begins between ticks stays silent below until the first one.
        """
        levels = []
        for depth, level in enumerate(self.stack):
            levels.append(level.initial_state(batch, BINS >> depth, frame))
            frame = -(-frame // level.apart)
        return TrunkState(levels, mask_past=None)

    def forward(self, magnitudes: Tensor, state: TrunkState) -> Tensor:
        """[batch, 2, frame, 1024] to logits of the same shape; the state moves on."""
        return self.answer_and_logits(magnitudes, state)[1]

    def answer_and_logits(self, magnitudes: Tensor, state: TrunkState) -> tuple[Tensor, Tensor]:
        """Give the logits and the channels [batch, answer channel, frame, 1024] they come from."""
        return self._decide(magnitudes / USUAL_MAGNITUDE, state)

    def _decide(self, x: Tensor, state: TrunkState) -> tuple[Tensor, Tensor]:
        logits: Tensor
        answer = self._answer(0, x, state)
        logits, state.mask_past = self.mask(answer, state.mask_past)
        return answer, logits

    def _answer(self, depth: int, x: Tensor, state: TrunkState) -> Tensor:
        """Answer every frame of the level above: newly where this level ticks, held in between."""
        own, apart = state.levels[depth], self.stack[depth].apart
        frames, first = x.shape[2], own.until_tick
        own.until_tick = (first - frames) % apart
        if apart == 1:
            return self._run(depth, x, state)
        answers = own.held
        if first < frames:
            ticked = self._run(depth, x[:, :, first::apart], state)
            answers = torch.cat([answers, ticked], dim=2)
        own.held = answers[:, :, -1:]
        newest = (torch.arange(frames) - first).div(apart, rounding_mode="floor") + 1
        # Over [batch, frame, bin, channel], so that what comes out is channels-last as well.
        by_frame = answers.permute(0, 2, 3, 1).index_select(1, newest.to(answers.device))
        return by_frame.permute(0, 3, 1, 2)

    def _run(self, depth: int, x: Tensor, state: TrunkState) -> Tensor:
        """[batch, inputs, tick, bin] to an answer of as many ticks and bins."""
        level, own = self.stack[depth], state.levels[depth]
        skip, own.past = level.down(x, own.past)
        if depth == len(self.levels) - 1:
            joined = skip
        else:
            deeper = self._answer(depth + 1, self._passed_down(skip), state)
            joined = torch.cat([skip, deeper], dim=1)
        return self._passed_up(level.up(joined))

    def _passed_down(self, skip: Tensor) -> Tensor:
        return functional.leaky_relu(skip, LEAK)

    def _passed_up(self, raw: Tensor) -> Tensor:
        return functional.relu(raw)
