"""Phoenix: a slow trunk on seconds of context, the newest spectrum filtered at the audio's own hop.

Two windows lie over the newest 4096 samples, as for Rocknet live: through one the trunk hears,
through the other comes the spectrum that its mask filters. The short synthesis window alone makes
the latency: 1024 samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dsp.errors import SignalError
from dsp.networks.phoenix_trunk import BINS, STEP_SAMPLES, PhoenixTrunk, TrunkConfig, TrunkState
from dsp.separator import FloatArray, Lane, Profile
from dsp.stft import (
    StreamingAnalysis,
    StreamingSynthesis,
    WindowPair,
    asymmetric_windows,
    low_delay_windows,
)

RATE_HZ = 44_100
CHANNELS = 2
ANALYSIS_SAMPLES = 4096
LIVE = Profile("live", 512, 512, 0, 0, Lane.REALTIME)
_TOP_BINS = 32

ComplexArray = npt.NDArray[np.complex64]


def hearing_windows() -> WindowPair:
    """Make the pair whose analysis window the trunk hears through."""
    hop = LIVE.hop_samples
    return asymmetric_windows(ANALYSIS_SAMPLES, LIVE.synthesis_overlap_samples + hop, hop)


def filtering_windows() -> WindowPair:
    """Make the pair through which the mixture is filtered and played."""
    return low_delay_windows(ANALYSIS_SAMPLES, LIVE.hop_samples)


def live_trunk(config: TrunkConfig) -> PhoenixTrunk:
    """Make a trunk for streams: frames come at the audio's hop, half a step apart."""
    return PhoenixTrunk(config, frames_per_step=STEP_SAMPLES // LIVE.hop_samples)


def channels_last(trunk: PhoenixTrunk) -> PhoenixTrunk:
    """Lay the weights out so that channels are neighbours: what its convolutions run fastest on."""
    for parameter in trunk.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return trunk


def extended(mask: Tensor, bins: int) -> Tensor:
    """Carry a mask [..., 1024] on above 11 kHz: what holds at its upper edge is held to go on."""
    edge = mask[..., -_TOP_BINS:].mean(dim=-1, keepdim=True)
    return torch.cat([mask, edge.expand(*mask.shape[:-1], bins - BINS)], dim=-1)


class PhoenixLive:
    """One stream; implements ``dsp.separator.Separator``."""

    def __init__(self, trunk: PhoenixTrunk) -> None:
        self.rate_hz = RATE_HZ
        self.stems: tuple[str, ...] = ("vocals",)
        self.profile = LIVE
        self._trunk = trunk
        self._hearing = StreamingAnalysis(hearing_windows(), CHANNELS)
        self._analysis = StreamingAnalysis(filtering_windows(), CHANNELS)
        self._synthesis = StreamingSynthesis(filtering_windows(), 1, CHANNELS)
        self._state: TrunkState = trunk.initial_state()

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [1, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        spectra = self._analysis.push(frames)
        spectra *= self._mask(self._hearing.push(frames), spectra.shape[-1])
        return self._synthesis.push(spectra[None])

    def reset(self, position_samples: int = 0) -> None:
        """Silence before the next hop; raises SignalError for a position off the grid of hops."""
        hop = self.profile.hop_samples
        if position_samples % hop:
            raise SignalError(f"position {position_samples}: a multiple of {hop} expected")
        self._hearing.reset()
        self._analysis.reset()
        self._synthesis.reset()
        self._state = self._trunk.initial_state(frame=position_samples // hop)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Pass ``history`` [channel, n * hop] through at once."""
        self.reset(position_samples)
        if history.shape[1]:
            self.push(history)

    def _mask(self, heard: ComplexArray, bins: int) -> FloatArray:
        """[channel, frame, bin] heard to a mask of [channel, frame, ``bins``]; time moves on."""
        if not heard.shape[1]:
            return np.ones((CHANNELS, 0, bins), np.float32)
        magnitudes = torch.from_numpy(np.abs(heard[None, ..., :BINS]))
        with torch.inference_mode():
            logits = self._trunk(
                magnitudes.contiguous(memory_format=torch.channels_last), self._state
            )
            mask: FloatArray = extended(torch.sigmoid(logits), bins)[0].numpy()
        return mask
