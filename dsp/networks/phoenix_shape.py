"""What Phoenix and its kin are shaped like: known without weights, and without torch.

Streams compute with arrays alone, and importing torch takes longer than all that a server does
before it is ready.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CHANNELS = 2
BINS = 1024
STEP_SAMPLES = 1024
HOPS_PER_STEP = 2
"""The audio's hop is half a step of the networks, whose frames interleave."""

USUAL_MAGNITUDE = 8.0
"""That of music at -18 dBFS in a frame of 4096 samples; inputs near one suit the optimiser."""

LEAST_MAGNITUDE = 1e-6
"""What Cassiopeia adds before it divides by a magnitude, in units of the spectrum."""

QUIET = 1e-6
"""Power of a bin far below what is heard."""

LEVEL_SCALE = 0.2
"""Brings log power, some 20 dB wide, near one."""


@dataclass(frozen=True, slots=True)
class TrunkConfig:
    """Shape of the trunk, level by level."""

    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    time_taps: tuple[int, ...] = (3, 3, 3, 3, 3, 3)
    ticks: tuple[int, ...] = (1, 1, 4, 4, 8, 8)  # steps between two runs; each divides the next
    answer_width: int = 4  # channels, at full resolution, that the mask is made of
    inputs: int = CHANNELS  # channels heard
    longest_dilation: int = 2**16  # steps; no longer than that are they ever

    def dilation(self, depth: int, frames_per_step: int) -> int:
        """Distance between time taps, in ticks of the level: 2 ** depth steps where that fits."""
        steps = min(2**depth, self.longest_dilation)
        if self.ticks[depth] == 1:
            return steps * frames_per_step
        return max(1, steps // self.ticks[depth])

    def ticks_apart(self, depth: int, frames_per_step: int) -> int:
        """How many ticks of the level above make one of this level."""
        tick = self.ticks[depth]
        above = self.ticks[depth - 1] if depth else 1
        stretch = frames_per_step if above == 1 < tick else 1
        return tick // above * stretch


@dataclass(frozen=True, slots=True)
class PhoenixConfig:
    """Shape of the network."""

    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    head_width: int = 24
