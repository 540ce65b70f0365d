"""logWMSE: the logarithm of a frequency-weighted mean square error; defined on silence too.

Jordal (Nomono), "log-wmse-audio-quality", 2024; written here from its definition. Filters are those
of Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, oaconvolve, sosfreqz

from dsp.evaluation.metrics import product
from dsp.separator import FloatArray

RATE_HZ = 44_100
_SCALE = -4.0
_FLOOR = 1e-8
_TOLERANCE = np.float32(10 ** (-68 / 20))  # of an error, relative to the mixture's level
_TAPS = 4001
_GRID = 8192

DoubleArray = npt.NDArray[np.float64]
BEST = float(_SCALE * np.log(_FLOOR))
"""What an estimate without audible error scores: 73.7."""


def log_wmse(mixture: FloatArray, reference: FloatArray, estimate: FloatArray) -> float:
    """Score an estimate, more is better; signals are [channel, sample] at 44.1 kHz.

    Errors are measured in units of the mixture's weighted level, channel by channel.
    """
    return log_wmse_of_level(weighted_level(mixture), reference, estimate)


def log_wmse_of_level(level: FloatArray, reference: FloatArray, estimate: FloatArray) -> float:
    """Score an estimate where the mixture's weighted level [channel] is known."""
    scores = [
        _channel_score(float(one), reference[channel], estimate[channel])
        for channel, one in enumerate(level)
    ]
    return float(np.mean(scores))


def _channel_score(level: float, reference: FloatArray, estimate: FloatArray) -> float:
    if level == 0:
        return BEST
    error = weighted((reference - estimate)[np.newaxis]) / np.float32(level)
    error[np.abs(error) < _TOLERANCE] = 0
    return _SCALE * float(np.log(product(error, error) / max(error.size, 1) + _FLOOR))


def weighted_level(signal: FloatArray) -> FloatArray:
    """Root mean square [channel] of a signal as the ear weights it."""
    channels = (weighted(channel[np.newaxis]) for channel in signal)
    return np.array([np.sqrt(product(one, one) / max(one.size, 1)) for one in channels], np.float32)


def weighted(signal: FloatArray) -> FloatArray:
    """Filter a signal [channel, sample] by the ear's sensitivity, without delay."""
    filtered: FloatArray = oaconvolve(signal, _impulse_response()[np.newaxis], "same", axes=1)
    return filtered


@lru_cache(maxsize=1)
def _impulse_response() -> FloatArray:
    """Return the symmetric response [tap] of the weighting's magnitude."""
    response = np.fft.fftshift(np.fft.irfft(_magnitude(), _GRID))
    middle = _GRID // 2
    taps: FloatArray = response[middle - _TAPS // 2 : middle + _TAPS // 2 + 1].astype(np.float32)
    return taps


def _magnitude() -> DoubleArray:
    """Return the weighting [bin]: a shelf, a high-pass, a bump, and a low-pass run both ways."""
    sections = np.vstack(
        [
            _high_shelf(1500.0, 5.0, 1 / np.sqrt(2)),
            butter(2, 120.0, "highpass", fs=RATE_HZ, output="sos"),
            _peak(500.0, 2.5, 1.5 / np.sqrt(2)),
            np.repeat(butter(1, 10_000.0, "lowpass", fs=RATE_HZ, output="sos"), 2, axis=0),
        ]
    )
    _, response = sosfreqz(sections, np.linspace(0, np.pi, _GRID // 2 + 1))
    magnitude: DoubleArray = np.abs(response)
    return magnitude


def _high_shelf(centre_hz: float, gain_db: float, q: float) -> DoubleArray:
    gain, cosine, alpha = _cookbook(centre_hz, gain_db, q)
    rest = 2 * np.sqrt(gain) * alpha
    up, down = gain + 1, gain - 1
    above = [up + down * cosine + rest, -2 * (down + up * cosine), up + down * cosine - rest]
    below = [up - down * cosine + rest, 2 * (down - up * cosine), up - down * cosine - rest]
    return np.array([*(gain * np.array(above)), *below]) / below[0]


def _peak(centre_hz: float, gain_db: float, q: float) -> DoubleArray:
    gain, cosine, alpha = _cookbook(centre_hz, gain_db, q)
    above = [1 + alpha * gain, -2 * cosine, 1 - alpha * gain]
    below = [1 + alpha / gain, -2 * cosine, 1 - alpha / gain]
    return np.array([*above, *below]) / below[0]


def _cookbook(centre_hz: float, gain_db: float, q: float) -> tuple[float, float, float]:
    """Return the amplitude (root of the gain), cos w and alpha of the cookbook."""
    angle = 2 * np.pi * centre_hz / RATE_HZ
    return float(10 ** (gain_db / 40)), float(np.cos(angle)), float(np.sin(angle) / (2 * q))
