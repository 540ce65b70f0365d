"""Bleedless and fullness: what is too much in an estimate, and what is missing from it.

The measures and their scale (0 to 100, more is better) are those of the Music Source Separation
Training project (ZFTurbo), written here from their definition.
"""

from __future__ import annotations

import numpy as np

from dsp.evaluation.mel import mel_filters
from dsp.evaluation.spectra import Resolution, feed
from dsp.separator import FloatArray

RESOLUTION = Resolution(fft_samples=4096, hop_samples=1024)
BANDS = 512
RANGE_DB = 80.0  # each signal's bands are raised to this far below its own loudest
_RATE_HZ = 44_100
_FLOOR = 1e-10


class BleedMeasure:
    """Compares mel spectra in decibels."""

    def __init__(self) -> None:
        self._filters = mel_filters(_RATE_HZ, RESOLUTION.fft_samples, BANDS)
        self._references: list[FloatArray] = []  # [channel * frame, band], in dB
        self._estimates: list[FloatArray] = []

    def add(self, reference: FloatArray, estimate: FloatArray) -> None:
        """Take spectra at ``RESOLUTION``."""
        self._references.append(self._decibels(reference))
        self._estimates.append(self._decibels(estimate))

    def values(self) -> dict[str, float]:
        """Return ``bleedless`` and ``fullness``; 100 each where nothing is too much or missing.

        100 / (1 + d), d the mean excess, or lack, of the estimate in dB over the bands and frames
        that have one.
        """
        floors = [_loudest(levels) - RANGE_DB for levels in (self._references, self._estimates)]
        excess, lack = _Mean(), _Mean()
        for true, found in zip(self._references, self._estimates, strict=True):
            difference = np.maximum(found, floors[1]) - np.maximum(true, floors[0])
            excess.add(difference[difference > 0])
            lack.add(-difference[difference < 0])
        return {"bleedless": 100 / (1 + excess.value), "fullness": 100 / (1 + lack.value)}

    def _decibels(self, spectra: FloatArray) -> FloatArray:
        bands = (self._filters @ spectra.reshape(-1, spectra.shape[-1]).T).T
        decibels: FloatArray = 20 * np.log10(np.maximum(bands, _FLOOR))
        return decibels


def bleedless_and_fullness(reference: FloatArray, estimate: FloatArray) -> dict[str, float]:
    """Measure two signals [channel, sample] at 44.1 kHz."""
    measure = BleedMeasure()
    feed(reference, estimate, RESOLUTION, [measure])
    return measure.values()


class _Mean:
    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, values: FloatArray) -> None:
        self._sum += float(values.sum(dtype=np.float64))
        self._count += values.size

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else 0.0


def _loudest(levels: list[FloatArray]) -> float:
    return max(float(block.max()) for block in levels)
