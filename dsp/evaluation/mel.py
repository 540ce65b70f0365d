"""A bank of triangular filters on the mel scale of Slaney's Auditory Toolbox, of equal area."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

DoubleArray = npt.NDArray[np.float64]

_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27  # 27 mels from 1 kHz to 6.4 kHz


@lru_cache(maxsize=4)
def mel_filters(rate_hz: int, fft_samples: int, bands: int) -> csr_array:
    """Return weights [band, bin] from 0 Hz to half the rate; a triangle of width w peaks at 2 / w.

    Slaney, "Auditory Toolbox", version 2, 1998.
    """
    bins_hz = np.arange(fft_samples // 2 + 1) * rate_hz / fft_samples
    edges_hz = mel_to_hz(np.linspace(0, hz_to_mel(np.array(rate_hz / 2)), bands + 2))
    low, centre, high = (edges_hz[n : n + bands, np.newaxis] for n in range(3))
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return csr_array(triangles.astype(np.float32))


def hz_to_mel(hz: DoubleArray) -> DoubleArray:
    """Linear up to 1 kHz, logarithmic above."""
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    mel: DoubleArray = np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ_PER_MEL, above)
    return mel


def mel_to_hz(mel: DoubleArray) -> DoubleArray:
    """Undo ``hz_to_mel``."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    hz: DoubleArray = np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, above)
    return hz
