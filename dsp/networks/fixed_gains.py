"""A diagnostic model: stems that are fixed parts of the dry signal.

Every profile has the shape of a real model's, so hosts and tests can check alignment and latency to
the sample without weights: an impulse comes out where it went in, at a known gain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.errors import SignalError
from dsp.separator import Lane, Profile

FloatArray = npt.NDArray[np.float32]

GAINS = {"vocals": 0.5, "drums": 0.25}
REMAINDER = "other"
RATE_HZ = 44_100
_CHANNELS = 2

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("live", 512, 512, 0, 0, Lane.REALTIME),
        Profile("studio", 1024, 3072, 8192, 0, Lane.BACKGROUND),  # 279 ms in all
        Profile("offline", 4096, 4096, 65_536, 0, Lane.BACKGROUND),
    )
}


class FixedGainsSeparator:
    """A delay line and a gain for each stem; implements ``dsp.separator.Separator``."""

    def __init__(self, profile: Profile) -> None:
        self.rate_hz = RATE_HZ
        self.stems = tuple(GAINS)
        self.profile = profile
        self._gains = np.array(list(GAINS.values()), np.float32)[:, None, None]
        self._past = np.zeros((_CHANNELS, profile.delay_samples), np.float32)

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [stem, channel, n * hop], ``profile.delay_samples`` behind.

        Raises SignalError for another shape.
        """
        return self._gains * self._delay(frames)

    def reset(self, position_samples: int = 0) -> None:
        """Empty the delay line; there is no grid to anchor, but the position must be a hop's."""
        if position_samples % self.profile.hop_samples:
            raise SignalError(
                f"position {position_samples}: a multiple of {self.profile.hop_samples} expected"
            )
        self._past.fill(0.0)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Fill the delay line from the end of ``history`` [channel, n * hop]."""
        self.reset(position_samples)
        self._delay(history)

    def _delay(self, frames: FloatArray) -> FloatArray:
        hop = self.profile.hop_samples
        if frames.ndim != 2 or frames.shape[0] != _CHANNELS or frames.shape[1] % hop:
            raise SignalError(f"frames {frames.shape}: [{_CHANNELS}, n * {hop}] expected")
        joined = np.concatenate([self._past, frames], axis=1)
        self._past[:] = joined[:, frames.shape[1] :]
        return joined[:, : frames.shape[1]]
