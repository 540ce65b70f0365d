"""Cassiopeia's trunk: complex-valued, dense, one second of context.

Phoenix's trunk with complex channels, every level at every frame, and short dilations. It hears
four complex numbers for each bin, none of which changes with a phase common to all:

- either channel's magnitude;
- how the channels differ in phase, at the geometric mean of their magnitudes;
- how much faster than the bin's centre the middle's phase turned since the step before, at the
  middle's magnitude: where in the bin a tone lies, and how steady it is.

References: Trabelsi et al., "Deep complex networks", ICLR 2018; Flanagan & Golden, "Phase vocoder",
Bell System Technical Journal 1966 (the turn of a bin's phase is its frequency).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dsp.networks.complex_layers import PARTS, gated, make_complex
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import (
    BINS,
    LEAST_MAGNITUDE,
    USUAL_MAGNITUDE,
    PhoenixConfig,
    TrunkConfig,
)
from dsp.networks.phoenix_trunk import LEAK, PhoenixTrunk, TrunkState

FEATURES = 4  # complex numbers heard of each bin

CONFIG = PhoenixConfig(
    trunk=TrunkConfig(
        widths=(32, 64, 128, 256, 512, 1024),
        ticks=(1, 1, 1, 1, 1, 1),
        answer_width=8,
        inputs=PARTS * FEATURES,
        longest_dilation=4,
    )
)
"""Twice as many real channels as complex ones. Back through the dilations 1, 2, 4, 4, 4, 4, two at
each, and three at the mask: 41 steps, and the window's four."""


@dataclass
class CassiopeiaState(TrunkState):
    """What a stream carries from one push to the next."""

    middle_past: Tensor  # complex spectra of one step of frames: [batch, frame, bin]


class CassiopeiaTrunk(PhoenixTrunk):
    """Complex spectra heard to mask logits: [batch, channel 2, frame, bin 1024], causally."""

    def __init__(self, config: TrunkConfig, frames_per_step: int = 1) -> None:
        super().__init__(config, frames_per_step)
        self.frames_per_step = frames_per_step
        for level in self.stack:
            make_complex(level.down)
            make_complex(level.up)

    def initial_state(self, batch: int = 1, frame: int = 0) -> CassiopeiaState:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        state = super().initial_state(batch, frame)
        device = self.mask.bias.device
        past = torch.zeros(batch, self.frames_per_step, BINS, dtype=torch.complex64, device=device)
        return CassiopeiaState(state.levels, state.mask_past, past)

    def answer_and_logits(self, heard: Tensor, state: TrunkState) -> tuple[Tensor, Tensor]:
        """Give the logits and the channels [batch, answer channel, frame, 1024] they come from.

        ``heard`` are complex spectra [batch, channel 2, frame, 1024].
        """
        if not isinstance(state, CassiopeiaState):
            raise TypeError(f"a CassiopeiaState is expected, not {type(state).__name__}")
        middle = 0.5 * (heard[:, 0] + heard[:, 1])
        joined = torch.cat([state.middle_past, middle], dim=1)
        state.middle_past = joined[:, joined.shape[1] - self.frames_per_step :]
        x = features(heard, middle, joined[:, : middle.shape[1]])
        return self._decide(x / USUAL_MAGNITUDE, state)

    def _passed_down(self, skip: Tensor) -> Tensor:
        return gated(skip, LEAK)

    def _passed_up(self, raw: Tensor) -> Tensor:
        return gated(raw, 0.0)


def features(heard: Tensor, middle: Tensor, before: Tensor) -> Tensor:
    """Make the real channels heard: [batch, 8, frame, bin], channels-last.

    ``heard`` [batch, channel 2, frame, bin] complex; ``middle`` [batch, frame, bin] is their mean,
    ``before`` the same one step earlier.
    """
    magnitudes = heard.abs()
    between = magnitudes.prod(dim=1).sqrt() + LEAST_MAGNITUDE
    across = heard[:, 0] * heard[:, 1].conj() / between
    expected = before * centre_turns(heard.shape[-1]).to(heard.device)
    onwards = middle * expected.conj() / (expected.abs() + LEAST_MAGNITUDE)
    numbers = torch.stack([*magnitudes.unbind(1), across, onwards], dim=-1)  # [.., bin, feature]
    return torch.view_as_real(numbers).flatten(-2).permute(0, 3, 1, 2)


def centre_turns(bins: int) -> Tensor:
    """By how much a tone at each bin's centre turns in one step, a quarter of the frame: [bin]."""
    quarters = torch.tensor([1, 1j, -1, -1j], dtype=torch.complex64)
    return quarters.repeat(-(-bins // quarters.numel()))[:bins]


def make_network(config: PhoenixConfig = CONFIG, frames_per_step: int = 1) -> PhoenixNetwork:
    """Make Cassiopeia: its trunk, and a head like Phoenix's."""
    return PhoenixNetwork(config, frames_per_step, CassiopeiaTrunk)
