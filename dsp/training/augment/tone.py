"""Tone: random equalisers and band limits, so that dullness never tells voice from band.

A curve is put together first and applied once: one pair of transforms, however much it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy import fft

FloatArray = npt.NDArray[np.float32]

_KNOTS_HZ = np.array([60.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0, 14000.0])
_LOWEST_CUT_HZ = 5000.0
_RING_FRAMES = 4096  # room for the response to ring past the end


@dataclass(frozen=True, slots=True)
class Curve:
    """A zero-phase response; flat until something is added."""

    knots_db: FloatArray = field(default_factory=lambda: np.zeros(_KNOTS_HZ.size, np.float32))
    high_cut_hz: float | None = None
    low_cut_hz: float | None = None

    def equalised(self, rng: np.random.Generator, strongest_db: float) -> Curve:
        """Bend by a smooth random curve within +-``strongest_db``."""
        bend = rng.uniform(-strongest_db, strongest_db, _KNOTS_HZ.size)
        return replace(self, knots_db=self.knots_db + bend.astype(np.float32))

    def band_limited(self, rng: np.random.Generator, rate_hz: int) -> Curve:
        """Cut what lies above a random frequency, as low-rate recordings and codecs do."""
        span = np.log(_LOWEST_CUT_HZ), np.log(rate_hz / 2)
        return replace(self, high_cut_hz=float(np.exp(rng.uniform(*span))))

    def high_passed(self, rng: np.random.Generator) -> Curve:
        """Cut what lies below a random frequency of 30 to 200 Hz, 12 dB per octave."""
        return replace(self, low_cut_hz=float(np.exp(rng.uniform(np.log(30.0), np.log(200.0)))))

    def gains(self, hz: FloatArray) -> FloatArray:
        """Linear gains at some frequencies."""
        octaves = np.log(np.maximum(hz, 1.0))
        gain_db = np.interp(octaves, np.log(_KNOTS_HZ), self.knots_db)
        if self.high_cut_hz is not None:
            gain_db -= 60.0 * np.clip((hz / self.high_cut_hz - 1.0) / 0.1, 0.0, 1.0)
        if self.low_cut_hz is not None:
            gain_db += 40.0 * np.log10(np.clip(hz / self.low_cut_hz, 1e-2, 1.0))
        return (10.0 ** (gain_db / 20.0)).astype(np.float32)

    def apply(self, x: FloatArray, rate_hz: int) -> FloatArray:
        """Filter [channel, frame]; a flat curve leaves it untouched."""
        if self.high_cut_hz is None and self.low_cut_hz is None and not self.knots_db.any():
            return x
        frames = x.shape[1]
        size = fft.next_fast_len(frames + _RING_FRAMES, real=True)
        # The curve is smooth: interpolating it from 2048 points costs nothing and saves its logs.
        coarse_hz = np.linspace(0.0, rate_hz / 2, 2049, dtype=np.float32)
        hz = np.linspace(0.0, rate_hz / 2, size // 2 + 1, dtype=np.float32)
        gains = np.interp(hz, coarse_hz, self.gains(coarse_hz)).astype(np.float32)
        shaped: FloatArray = fft.irfft(fft.rfft(x, size) * gains, size)[:, :frames]
        return shaped
