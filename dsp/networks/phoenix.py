"""Phoenix: a slow trunk on seconds of context, the newest spectrum filtered at the audio's own hop.

Two windows lie over the newest 4096 samples, as for Rocknet live: through one the trunk hears,
through the other comes the spectrum that its mask filters. The short synthesis window alone makes
the latency: two hops.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dsp.errors import SignalError
from dsp.networks.phoenix_shape import STEP_SAMPLES
from dsp.separator import FloatArray, Lane, Profile
from dsp.stft import (
    StreamingSynthesis,
    TwinAnalysis,
    WindowPair,
    asymmetric_windows,
    low_delay_windows,
)

if TYPE_CHECKING:
    from dsp.networks.phoenix_kernels import ComplexArray

RATE_HZ = 44_100
CHANNELS = 2
ANALYSIS_SAMPLES = 4096
LIVE = Profile("live", 512, 512, 0, 0, Lane.REALTIME)
LIVE_FLOAT32 = replace(LIVE, name="live-float32")
"""The same latency and, for a network that `live` computes in eight bits, 32 everywhere."""
LIVE_LIGHT = replace(LIVE, name="live-light")
"""The same latency for a quarter of the time: trunk and light head, without the U-Net."""
LIVE_SHORT = Profile("live-short", 256, 256, 0, 0, Lane.REALTIME)
"""Half the latency for twice the time: hop and synthesis window are half as long."""

_FALLS = {512: (STEP_SAMPLES, 512), 256: (768, 128)}
"""By hop: over how many samples the window that is heard falls, and the one that is filtered.

At the shorter hop the newest samples weigh more in both (docs/quality.md).
"""


def hearing_windows(profile: Profile = LIVE) -> WindowPair:
    """Make the pair whose analysis window the trunk hears through."""
    fall, _ = _FALLS[profile.hop_samples]
    return asymmetric_windows(ANALYSIS_SAMPLES, fall, profile.hop_samples)


def filtering_windows(profile: Profile = LIVE) -> WindowPair:
    """Make the pair through which the mixture is filtered and played."""
    _, fall = _FALLS[profile.hop_samples]
    return low_delay_windows(ANALYSIS_SAMPLES, profile.hop_samples, fall)


def hops_per_step(profile: Profile) -> int:
    """How many frames come in a step of the networks: theirs interleave."""
    return STEP_SAMPLES // profile.hop_samples


class Step(Protocol):
    """A network's state in one stream, moved on hop by hop."""

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        ...

    def push(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """Filter the next frame, [channel 2, bin] through either window."""
        ...

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [channel 2, hop, bin], the first ``frame``."""
        ...


class PhoenixLive:
    """One stream; implements ``dsp.separator.Separator``."""

    def __init__(self, step: Step, profile: Profile = LIVE) -> None:
        self.rate_hz = RATE_HZ
        self.stems: tuple[str, ...] = ("vocals",)
        self.profile = profile
        filtering = filtering_windows(profile)
        self._analysis = TwinAnalysis(hearing_windows(profile), filtering, CHANNELS)
        self._synthesis = StreamingSynthesis(filtering, 1, CHANNELS)
        self._step = step

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [1, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        heard, spectra = self._analysis.push(frames)
        vocals = np.empty_like(spectra)
        for hop in range(spectra.shape[1]):
            vocals[:, hop] = self._step.push(heard[:, hop], spectra[:, hop])
        return self._synthesis.push(vocals[None])

    def reset(self, position_samples: int = 0) -> None:
        """Silence before the next hop; raises SignalError for a position off the grid of hops."""
        hop = self.profile.hop_samples
        if position_samples % hop:
            raise SignalError(f"position {position_samples}: a multiple of {hop} expected")
        self._analysis.reset()
        self._synthesis.reset()
        self._step.reset(position_samples // hop)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Hear ``history`` [channel, n * hop]; its end, which still sounds, is filtered too."""
        self.reset(position_samples)
        split = max(0, history.shape[1] - self.profile.synthesis_overlap_samples)
        heard = self._analysis.push_first(history[:, :split])
        self._step.rebuild(heard, position_samples // self.profile.hop_samples)
        self.push(history[:, split:])
