"""Phoenix: a slow trunk on seconds of context, the newest spectrum filtered at the audio's own hop.

Two windows lie over the newest 4096 samples, as for Rocknet live: through one the trunk hears,
through the other comes the spectrum that its mask filters. The short synthesis window alone makes
the latency: 1024 samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from dsp.errors import SignalError
from dsp.networks.phoenix_network import PhoenixConfig, PhoenixNetwork
from dsp.networks.phoenix_trunk import BINS, STEP_SAMPLES, TrunkState
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

ComplexArray = npt.NDArray[np.complex64]


def hearing_windows() -> WindowPair:
    """Make the pair whose analysis window the trunk hears through."""
    hop = LIVE.hop_samples
    return asymmetric_windows(ANALYSIS_SAMPLES, LIVE.synthesis_overlap_samples + hop, hop)


def filtering_windows() -> WindowPair:
    """Make the pair through which the mixture is filtered and played."""
    return low_delay_windows(ANALYSIS_SAMPLES, LIVE.hop_samples)


def live_network(config: PhoenixConfig) -> PhoenixNetwork:
    """Make a network for streams: frames come at the audio's hop, half a step apart."""
    return PhoenixNetwork(config, frames_per_step=STEP_SAMPLES // LIVE.hop_samples)


class PhoenixLive:
    """One stream; implements ``dsp.separator.Separator``."""

    def __init__(self, network: PhoenixNetwork) -> None:
        self.rate_hz = RATE_HZ
        self.stems: tuple[str, ...] = ("vocals",)
        self.profile = LIVE
        self._network = network
        self._hearing = StreamingAnalysis(hearing_windows(), CHANNELS)
        self._analysis = StreamingAnalysis(filtering_windows(), CHANNELS)
        self._synthesis = StreamingSynthesis(filtering_windows(), 1, CHANNELS)
        self._state: TrunkState = network.initial_state()

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [1, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        spectra, heard = self._analysis.push(frames), self._hearing.push(frames)
        return self._synthesis.push(self._vocals(heard, spectra)[None])

    def reset(self, position_samples: int = 0) -> None:
        """Silence before the next hop; raises SignalError for a position off the grid of hops."""
        hop = self.profile.hop_samples
        if position_samples % hop:
            raise SignalError(f"position {position_samples}: a multiple of {hop} expected")
        self._hearing.reset()
        self._analysis.reset()
        self._synthesis.reset()
        self._state = self._network.initial_state(frame=position_samples // hop)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Pass ``history`` [channel, n * hop] through at once."""
        self.reset(position_samples)
        if history.shape[1]:
            self.push(history)

    def _vocals(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """[channel, frame, bin] heard and to be filtered, to the vocals' spectra; time moves on."""
        if not heard.shape[1]:
            return spectra
        magnitudes = torch.from_numpy(np.abs(heard[None, ..., :BINS]))
        with torch.inference_mode():
            vocals: ComplexArray = self._network(
                magnitudes.contiguous(memory_format=torch.channels_last),
                torch.from_numpy(spectra)[None],
                self._state,
            )[0].numpy()
        return vocals
