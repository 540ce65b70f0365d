"""Musical noise: the isolated, short-lived tones that masks leave.

Such tones make the power in a piece of the spectrum heavy-tailed, and kurtosis tells it: the ratio
of the kurtosis after processing to that before correlates with what listeners call musical noise.

Uemura et al., "Automatic optimization scheme of spectral subtraction based on musical noise
assessment via higher-order statistics", IWAENC 2008; the logarithm of the ratio and its use on
source separation: Torcoli, "An improved measure of musical noise based on spectral kurtosis",
WASPAA 2019.
"""

from __future__ import annotations

import numpy as np

from dsp.evaluation.spectra import BLOCK_FRAMES, Resolution, feed
from dsp.separator import FloatArray

RESOLUTION = Resolution(fft_samples=2048, hop_samples=512)
CELL_BINS = 16  # 345 Hz by 64 frames: 0.74 s
RANGE_DB = 60.0  # quieter cells than this below the reference's loudest do not count
_TINY = 1e-30


class MusicalNoiseMeasure:
    """Compares the kurtosis of power, cell by cell of time and frequency."""

    def __init__(self) -> None:
        self._powers: list[FloatArray] = []  # the quieter one's, [channel, cell]
        self._references: list[FloatArray] = []
        self._log_ratios: list[FloatArray] = []

    def add(self, reference: FloatArray, estimate: FloatArray) -> None:
        """Take spectra at ``RESOLUTION``; a block that is not full does not count."""
        if reference.shape[1] < BLOCK_FRAMES:
            return
        true_power, true_kurtosis = _cells(reference)
        found_power, found_kurtosis = _cells(estimate)
        self._references.append(true_power)
        self._powers.append(np.minimum(true_power, found_power))
        self._log_ratios.append(np.log(found_kurtosis / true_kurtosis))

    @property
    def value(self) -> float | None:
        """Mean natural logarithm of the kurtosis ratio: 0 as the reference, more is worse.

        None where no cell is heard in both signals.
        """
        if not self._references:
            return None
        loudest = max(float(powers.max()) for powers in self._references)
        heard = np.stack(self._powers) > max(loudest * 10 ** (-RANGE_DB / 10), _TINY)
        ratios = np.stack(self._log_ratios)[heard]
        return float(ratios.mean(dtype=np.float64)) if ratios.size else None


def musical_noise(reference: FloatArray, estimate: FloatArray) -> float | None:
    """Measure two signals [channel, sample] at 44.1 kHz."""
    measure = MusicalNoiseMeasure()
    feed(reference, estimate, RESOLUTION, [measure])
    return measure.value


def _cells(spectra: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean power and its kurtosis E[p^4] / E[p^2]^2, both [channel, cell]."""
    channels, frames, bins = spectra.shape
    cells = bins // CELL_BINS
    shape = (channels, frames, cells, CELL_BINS)
    power = np.square(spectra[..., : cells * CELL_BINS]).reshape(shape)
    mean = power.mean(axis=(1, 3))
    squared = np.square(power / np.maximum(mean, _TINY)[:, np.newaxis, :, np.newaxis])
    second = np.maximum(squared.mean(axis=(1, 3)), 1)  # it is, but in silence
    fourth = np.maximum(np.square(squared).mean(axis=(1, 3)), 1)
    return mean, fourth / np.square(second)
