"""Rocknet live: the streaming U-Net's mask on a low-delay STFT; no look-ahead, no mask lag.

Two windows lie over the newest 4096 samples: through one the network hears what it was trained on,
through the other comes the spectrum that its mask filters, which resynthesises better. The short
synthesis window alone makes the latency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import SignalError
from dsp.networks.bandwidth import widen_mask
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_shape import LEVELS
from dsp.separator import Lane, Profile
from dsp.stft import (
    StreamingSynthesis,
    TwinAnalysis,
    asymmetric_windows,
    low_delay_windows,
)

if TYPE_CHECKING:
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.separator import FloatArray

RATE_HZ = 44_100
CHANNELS = 2
ANALYSIS_SAMPLES = 4096
COLUMN_SAMPLES = 1024
"""The network was trained on 4096-point spectra, 1024 samples apart.

Its training window was Hann; a Hann rise of 3072 and fall of 1024 samples has the same energy, so
magnitudes need no other scale.
"""

LIVE = Profile("live", 512, 512, 0, 0, Lane.REALTIME)

GRID = HopGrid(COLUMN_SAMPLES // LIVE.hop_samples, deep_period=8, deep_hops=2)
"""The deepest levels follow every fourth hop: under half the arithmetic.

On ten seconds of 15 songs: 0.09 dB below the exact form, every eighth hop 0.21 dB. Spread over two
hops, so that the longest takes seven milliseconds instead of eleven, they are heard one hop later:
another 0.09 dB; over four, three hops later, 0.26 dB.
"""


class RocknetLive:
    """One stream; implements ``dsp.separator.Separator``."""

    def __init__(self, packed: PackedUNet) -> None:
        self.rate_hz = RATE_HZ
        self.stems: tuple[str, ...] = ("vocals",)
        self.profile = LIVE
        hop = LIVE.hop_samples
        heard = asymmetric_windows(ANALYSIS_SAMPLES, LIVE.synthesis_overlap_samples + hop, hop)
        filtered = low_delay_windows(ANALYSIS_SAMPLES, hop)
        self._analysis = TwinAnalysis(heard, filtered, CHANNELS)
        self._synthesis = StreamingSynthesis(filtered, 1, CHANNELS)
        self._unet = StreamingUNet(packed, GRID)
        self._bins = packed.bins

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [1, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        heard, spectra = self._analysis.push(frames)
        magnitudes = np.abs(heard[..., : self._bins])
        for hop in range(spectra.shape[1]):
            mask = self._unet.push(magnitudes[:, hop])
            spectra[:, hop] *= widen_mask(mask, spectra.shape[-1])
        return self._synthesis.push(spectra[None])

    def reset(self, position_samples: int = 0) -> None:
        """Silence before the next hop; raises SignalError for a position off the grid of hops."""
        hop = self.profile.hop_samples
        if position_samples % hop:
            raise SignalError(f"position {position_samples}: a multiple of {hop} expected")
        self._analysis.reset()
        self._synthesis.reset()
        self._unet.reset(position_samples // hop)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Pass ``history`` [channel, n * hop] through at a fraction of the cost of pushing it.

        Only its end is heard again in the synthesis overlap, so only that is pushed.
        """
        hop = self.profile.hop_samples
        excess = max(0, history.shape[1] - self._remembered_samples())
        history, position_samples = history[:, excess:], position_samples + excess
        self.reset(position_samples)
        split = max(0, history.shape[1] - self.profile.synthesis_overlap_samples)
        heard = self._analysis.push_first(history[:, :split])
        magnitudes = np.abs(heard[..., : self._bins]).transpose(1, 0, 2)
        if split:
            self._unet.rebuild(np.ascontiguousarray(magnitudes), position_samples // hop)
        self.push(history[:, split:])

    def _remembered_samples(self) -> int:
        """How much of the past has any part in what is to come; whole hops."""
        grid, profile = self._unet.grid, self.profile
        hops = grid.horizon_hops(0, LEVELS - 1) + grid.deep_period + grid.deep_hops
        return hops * profile.hop_samples + ANALYSIS_SAMPLES + profile.synthesis_overlap_samples
