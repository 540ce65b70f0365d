"""Phoenix's trunk: a causal U-Net over frequency whose deep levels tick slowly.

Magnitudes of the newest frames go through two *fast* levels, every frame. Each ``tick_frames``-th
frame the four *slow* levels below read them with dilations that double from level to level, and
decode what they find; their newest answer is held until the next tick while the fast levels
decode every frame on top of it. So seconds of context cost little, and the mask still
follows each frame.

One step is 1024 samples. A finer hop, ``frames_per_step`` > 1, runs the same weights on interleaved
grids: dilations and ticks are stretched, nothing else.

References: Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR
2017; Hennequin et al., "Spleeter", JOSS 2020 (widths and kernels, so that its weights can be the
starting point); van den Oord et al., "WaveNet", 2016 (dilated causal convolutions).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.networks.causal_conv import CausalDownConv, ChannelAffine, UpConv

CHANNELS = 2
BINS = 1024
STEP_SAMPLES = 1024
_FAST_LEVELS = 2
_LEAK = 0.2
_MASK_TAPS = 4
_MASK_BIN_DILATION = 2


@dataclass(frozen=True, slots=True)
class TrunkConfig:
    """Shape of the trunk."""

    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    time_taps: tuple[int, ...] = (3, 3, 3, 3, 3, 3)
    tick_steps: int = 4  # the slow levels run once in so many steps of 1024 samples

    def dilations(self, frames_per_step: int) -> tuple[int, ...]:
        """Per level: in frames for the fast ones, in ticks for the slow ones."""
        fast = tuple(2**k * frames_per_step for k in range(_FAST_LEVELS))
        slow = tuple(
            max(1, 2**k // self.tick_steps) for k in range(_FAST_LEVELS, len(self.widths))
        )
        return fast + slow


@dataclass
class TrunkState:
    """What a stream carries from one push to the next."""

    pasts: list[Tensor]  # per level [batch, channel, past frame or tick, bin]
    mask_past: Tensor  # [batch, 1, past frame, bin]
    held: Tensor  # the slow levels' newest answer: [batch, channel, 1, bin]
    frame: int  # index of the next frame, which places the ticks


class _DownLevel(nn.Module):
    """Halves the bins; the raw convolution is the skip, the activation goes down."""

    def __init__(self, inputs: int, outputs: int, *, time_taps: int, dilation: int) -> None:
        super().__init__()
        self.conv = CausalDownConv(inputs, outputs, time_taps=time_taps, dilation=dilation)
        self.affine = ChannelAffine(outputs)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return raw and activated [batch, outputs, frame, bins / 2], and the next past."""
        raw, past = self.conv(x, past)
        return raw, functional.leaky_relu(self.affine(raw), _LEAK), past


class _UpLevel(nn.Module):
    """Doubles the bins."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = UpConv(inputs, outputs)
        self.affine = ChannelAffine(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, frame, n] to [batch, outputs, frame, 2 n]."""
        grown: Tensor = self.affine(functional.relu(self.conv(x)))
        return grown


class PhoenixTrunk(nn.Module):
    """Magnitudes to mask logits, causally.

    Maps [batch, channel 2, frame, bin 1024] to itself. Norm-free: its numbers are what training
    made them, whatever the batch or the stream.
    """

    def __init__(self, config: TrunkConfig, frames_per_step: int = 1) -> None:
        super().__init__()
        self.config = config
        self.tick_frames = config.tick_steps * frames_per_step
        widths = config.widths
        dilations = config.dilations(frames_per_step)
        self.down = nn.ModuleList(
            _DownLevel(inputs, outputs, time_taps=taps, dilation=dilation)
            for inputs, outputs, taps, dilation in zip(
                (CHANNELS, *widths), widths, config.time_taps, dilations, strict=False
            )
        )
        outputs = (*reversed(widths[:-1]), 1)
        skips = (0, *reversed(widths[:-1]))
        below = (widths[-1], *outputs)
        self.up = nn.ModuleList(
            _UpLevel(inputs + skip, output)
            for inputs, skip, output in zip(below, skips, outputs, strict=False)
        )
        self.mask_dilation = frames_per_step
        self.mask = nn.Conv2d(
            1,
            CHANNELS,
            (_MASK_TAPS, _MASK_TAPS),
            dilation=(frames_per_step, _MASK_BIN_DILATION),
            padding=(0, (_MASK_TAPS - 1) * _MASK_BIN_DILATION // 2),
        )

    def initial_state(self, batch: int = 1, frame: int = 0) -> TrunkState:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        weight = self.mask.weight
        pasts = [
            level.conv.silence(batch, BINS >> depth)  # type: ignore[union-attr, operator]
            for depth, level in enumerate(self.down)
        ]
        mask_frames = (_MASK_TAPS - 1) * self.mask_dilation
        fast_width = self.config.widths[_FAST_LEVELS - 1]
        return TrunkState(
            pasts=pasts,
            mask_past=weight.new_zeros(batch, 1, mask_frames, BINS),
            held=weight.new_zeros(batch, fast_width, 1, BINS >> _FAST_LEVELS),
            frame=frame,
        )

    def forward(self, magnitudes: Tensor, state: TrunkState) -> Tensor:
        """[batch, 2, frame, 1024] to logits of the same shape; the state moves on."""
        skips, x = self._encode_fast(magnitudes, state)
        held = self._hold(x, state)
        return self._decode_fast(skips, held, state)

    def _encode_fast(self, x: Tensor, state: TrunkState) -> tuple[list[Tensor], Tensor]:
        skips = []
        for depth in range(_FAST_LEVELS):
            raw, x, state.pasts[depth] = self.down[depth](x, state.pasts[depth])
            skips.append(raw)
        return skips, x

    def _hold(self, x: Tensor, state: TrunkState) -> Tensor:
        """Run the slow levels on the frames that tick; repeat the newest answer at every frame."""
        frames = x.shape[2]
        first_tick = -state.frame % self.tick_frames
        answers = state.held
        if first_tick < frames:
            ticks = x[:, :, first_tick :: self.tick_frames]
            answers = torch.cat([answers, self._slow(ticks, state)], dim=2)
        newest = (torch.arange(frames) - first_tick).div(
            self.tick_frames, rounding_mode="floor"
        ) + 1
        state.held = answers[:, :, -1:]
        state.frame += frames
        return answers.index_select(2, newest.to(answers.device))

    def _slow(self, x: Tensor, state: TrunkState) -> Tensor:
        """[batch, channel, tick, bin / 4] to the answer of the same shape."""
        skips = []
        raw = x
        for depth in range(_FAST_LEVELS, len(self.down)):
            raw, x, state.pasts[depth] = self.down[depth](x, state.pasts[depth])
            skips.append(raw)
        x = self.up[0](skips.pop())
        for level in self.up[1 : len(self.up) - _FAST_LEVELS]:
            x = level(torch.cat([skips.pop(), x], dim=1))
        return x

    def _decode_fast(self, skips: list[Tensor], held: Tensor, state: TrunkState) -> Tensor:
        x = held
        for level in self.up[len(self.up) - _FAST_LEVELS :]:
            x = level(torch.cat([skips.pop(), x], dim=1))
        joined = torch.cat([state.mask_past, x], dim=2)
        state.mask_past = joined[:, :, joined.shape[2] - state.mask_past.shape[2] :]
        logits: Tensor = self.mask(joined)
        return logits
