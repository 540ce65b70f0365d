"""Formants: another throat for the same melody, so that few singers become many.

The spectral envelope is moved along frequency, the harmonics stay where they are. Reference: Röbel
and Rodet, "Efficient spectral envelope estimation and its application to pitch shifting and
envelope preservation", DAFx 2005.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

FloatArray = npt.NDArray[np.float32]

_FRAME = 2048
_HOP = 512
_SHORTEST_PITCH_S = 1.0 / 700.0  # what repeats more slowly is pitch, not throat
_FLOOR = 1e-6  # of a frame's loudest bin, in power: what lies below counts as that
_SILENCE = 1e-20
_ITERATIONS = 4
_STRONGEST = 10.0 ** (18.0 / 20.0)


def shift_formants(
    x: FloatArray, rng: np.random.Generator, rate_hz: int, *, semitones: float = 3.0
) -> FloatArray:
    """Move the formants of [channel, frame] by up to ``semitones`` up or down, evenly drawn."""
    return move_envelope(x, rate_hz, 2.0 ** (rng.uniform(-semitones, semitones) / 12.0))


def move_envelope(x: FloatArray, rate_hz: int, factor: float) -> FloatArray:
    """Stretch the spectral envelope along frequency by ``factor``; both channels alike."""
    transform = _transform(rate_hz)
    spectra = transform.stft(x, axis=-1)  # [channel, bin, frame]
    envelope = _log_envelope(spectra, rate_hz)
    bins = np.arange(envelope.shape[0])
    moved = np.empty_like(envelope)
    for frame in range(envelope.shape[1]):
        moved[:, frame] = np.interp(bins / factor, bins, envelope[:, frame])
    gains = np.clip(np.exp(moved - envelope), 1.0 / _STRONGEST, _STRONGEST)
    shifted = transform.istft(spectra * gains, k1=x.shape[-1], f_axis=-2, t_axis=-1)
    return np.asarray(shifted, np.float32)


def _log_envelope(spectra: npt.NDArray[np.complex64], rate_hz: int) -> npt.NDArray[np.float64]:
    """[channel, bin, frame] to [bin, frame]: a smooth line over the tops of the harmonics."""
    power = np.square(np.abs(spectra)).mean(axis=0)
    tops = 0.5 * np.log(power + _FLOOR * power.max(axis=0) + _SILENCE)
    kept = int(_SHORTEST_PITCH_S * rate_hz)
    for _ in range(_ITERATIONS):
        cepstrum = fft.irfft(tops, axis=0)
        cepstrum[kept : 1 - kept] = 0.0
        envelope: npt.NDArray[np.float64] = fft.rfft(cepstrum, axis=0).real
        tops = np.maximum(tops, envelope)  # the valleys between harmonics are not the throat's
    return envelope


@cache
def _transform(rate_hz: int) -> signal.ShortTimeFFT:
    return signal.ShortTimeFFT(signal.windows.hann(_FRAME, sym=False), _HOP, rate_hz)
