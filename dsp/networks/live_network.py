"""A network live: the newest spectrum filtered at the audio's own hop, whatever the network is.

Two windows lie over the newest 4096 samples: through one the network hears what it was trained on,
through the other comes the spectrum that it filters, which resynthesises better. The short
synthesis window alone makes the latency: two hops.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsp.errors import SignalError
from dsp.networks.kept import Kept
from dsp.networks.live_hop_kernels import Live, hear_all
from dsp.networks.phoenix_shape import STEP_SAMPLES
from dsp.networks.sound_kernels import make_sound, make_tables, silence
from dsp.separator import FloatArray, Lane, Profile
from dsp.stft import WindowPair, asymmetric_windows, low_delay_windows

if TYPE_CHECKING:
    from dsp.networks.live_hop_kernels import Play
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.sound_kernels import Tables

RATE_HZ = 44_100
CHANNELS = 2
ANALYSIS_SAMPLES = 4096
SPECTRUM_BINS = ANALYSIS_SAMPLES // 2 + 1
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


@cache
def sound_tables(profile: Profile = LIVE) -> Tables:
    """Make what a profile's streams share to go from samples to spectra and back."""
    return make_tables(hearing_windows(profile), filtering_windows(profile))


def hops_per_step(profile: Profile) -> int:
    """How many frames come in a step of the networks: theirs interleave."""
    return STEP_SAMPLES // profile.hop_samples


class Step(Protocol):
    """A network's state in one stream, moved on hop by hop."""

    @property
    def layers(self) -> Kept[Any]:
        """What a hop's kernel takes of it."""
        ...

    @property
    def play(self) -> Play[Any]:
        """That kernel."""
        ...

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        ...

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [hop, channel 2, bin], the first ``frame``."""
        ...


class LiveNetwork:
    """One stream; implements ``dsp.separator.Separator``."""

    def __init__(self, step: Step, profile: Profile = LIVE) -> None:
        self.rate_hz = RATE_HZ
        self.stems: tuple[str, ...] = ("vocals",)
        self.profile = profile
        self._sound = make_sound(sound_tables(profile), profile.hop_samples)
        self._step = step
        self._live = Kept(Live(self._sound, step.layers))

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [1, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        hop = self.profile.hop_samples
        if frames.ndim != 2 or frames.shape[0] != CHANNELS or frames.shape[1] % hop:
            raise SignalError(f"samples {frames.shape}: [{CHANNELS}, n * {hop}] expected")
        played = np.empty((1, *frames.shape), np.float32)
        self._step.play(self._live, np.ascontiguousarray(frames, np.float32), played)
        return played

    def reset(self, position_samples: int = 0) -> None:
        """Silence before the next hop; raises SignalError for a position off the grid of hops."""
        hop = self.profile.hop_samples
        if position_samples % hop:
            raise SignalError(f"position {position_samples}: a multiple of {hop} expected")
        silence(self._sound.parts)
        self._step.reset(position_samples // hop)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Hear ``history`` [channel, n * hop]; its end, which still sounds, is filtered too."""
        self.reset(position_samples)
        split = max(0, history.shape[1] - self.profile.synthesis_overlap_samples)
        heard = np.empty((split // self.profile.hop_samples, CHANNELS, SPECTRUM_BINS), np.complex64)
        hear_all(self._sound, np.ascontiguousarray(history[:, :split], np.float32), heard)
        self._step.rebuild(heard, position_samples // self.profile.hop_samples)
        self.push(history[:, split:])
