"""Distances of magnitude spectra: L1Freq, and the multi-resolution distance."""

from __future__ import annotations

import numpy as np

from dsp.evaluation.spectra import Resolution, feed
from dsp.separator import FloatArray

L1_RESOLUTION = Resolution(fft_samples=2048, hop_samples=1024, window="boxcar", edges="reflect")
RESOLUTIONS = (Resolution(1024, 256), Resolution(2048, 512), Resolution(4096, 1024))
_FLOOR = 1e-5  # of magnitudes, before their logarithm: far below 16-bit silence


class L1Measure:
    """Mean absolute difference of magnitudes."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, reference: FloatArray, estimate: FloatArray) -> None:
        """Take spectra at ``L1_RESOLUTION``."""
        self._sum += float(np.abs(reference - estimate).sum(dtype=np.float64))
        self._count += reference.size

    @property
    def value(self) -> float:
        """100 / (1 + 10 * mean), from 0 to 100, more is better."""
        return 100 / (1 + 10 * self._sum / max(self._count, 1))


class DistanceMeasure:
    """Spectral convergence plus the mean absolute difference of log magnitudes."""

    def __init__(self) -> None:
        self._error, self._energy, self._log_error, self._count = 0.0, 0.0, 0.0, 0

    def add(self, reference: FloatArray, estimate: FloatArray) -> None:
        """Take spectra at any one resolution."""
        self._error += _energy(reference - estimate)
        self._energy += _energy(reference)
        ratio = np.maximum(estimate, _FLOOR) / np.maximum(reference, _FLOOR)
        self._log_error += float(np.abs(np.log(ratio)).sum(dtype=np.float64))
        self._count += reference.size

    @property
    def value(self) -> float:
        """0 for equal magnitudes, less is better; the reference must not be silent."""
        convergence = np.sqrt(self._error / self._energy)
        return float(convergence + self._log_error / self._count)


def l1_freq(reference: FloatArray, estimate: FloatArray) -> float:
    """L1Freq as the Music Source Separation Training project (ZFTurbo) defines it.

    Signals are [channel, sample]. Frames of 2048 samples, no window, hop 1024, edges mirrored.
    """
    measure = L1Measure()
    feed(reference, estimate, L1_RESOLUTION, [measure])
    return measure.value


def multi_resolution_distance(reference: FloatArray, estimate: FloatArray) -> float:
    """Mean over frames of 1024, 2048 and 4096 samples; signals are [channel, sample].

    Yamamoto, Song & Kim, "Parallel WaveGAN", ICASSP 2020, equations 3 to 6.
    """
    values = []
    for resolution in RESOLUTIONS:
        measure = DistanceMeasure()
        feed(reference, estimate, resolution, [measure])
        values.append(measure.value)
    return float(np.mean(values))


def _energy(spectra: FloatArray) -> float:
    return float(np.vdot(spectra, spectra))
