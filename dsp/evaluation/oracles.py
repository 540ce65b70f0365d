"""What masks can reach: ideal ones, which know the stems, and one that knows nothing of music.

As every baseline, each maps a mixture and the true stems, [channel, sample], to estimates by stem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from dsp.evaluation.masking import ComplexArray, apply_masks
from dsp.separator import FloatArray

Stems = Mapping[str, FloatArray]
RealArray = npt.NDArray[np.float32]

MEDIAN_LENGTH = 17  # frames, and bins
_TINY = np.float32(1e-20)


def harmonic_percussive(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Take what lasts for the vocals, and what is broad and short for every other stem.

    Median filters along time and frequency, then soft masks of power: Fitzgerald,
    "Harmonic/percussive separation using median filtering", DAFx 2010.
    """
    harmonic, percussive = apply_masks(
        [mixed], _harmonic_percussive_masks, halo_frames=MEDIAN_LENGTH // 2
    )
    return {stem: harmonic if stem == "vocals" else percussive for stem in references}


def ideal_ratio_mask(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Mask by each stem's true share in the energy: the ceiling of masks without phase.

    Wang, Narayanan & Wang, "On training targets for supervised speech separation", 2014, section 3.
    """
    return {stem: apply_masks([mixed, true], _ratio_masks)[0] for stem, true in references.items()}


def ideal_complex_mask(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Mask by the true complex ratio, no larger than 1: the ceiling of bounded complex masks.

    Without a bound it would be the stem itself (Williamson, Wang & Wang, "Complex ratio masking for
    monaural speech separation", 2016).
    """
    return {
        stem: apply_masks([mixed, true], _complex_masks)[0] for stem, true in references.items()
    }


def _harmonic_percussive_masks(spectra: Sequence[ComplexArray]) -> list[RealArray]:
    magnitude = np.abs(spectra[0]).mean(axis=0)  # [frame, bin], one for both channels
    lasting = np.square(_running_median(magnitude.T).T)
    broad = np.square(_running_median(magnitude))
    harmonic = (lasting + _TINY / 2) / (lasting + broad + _TINY)
    both_channels: RealArray = np.broadcast_to(harmonic, spectra[0].shape)
    return [both_channels, 1 - both_channels]


def _ratio_masks(spectra: Sequence[ComplexArray]) -> list[RealArray]:
    mixed, true = spectra
    wanted, rest = np.square(np.abs(true)), np.square(np.abs(mixed - true))
    return [wanted / (wanted + rest + _TINY)]


def _complex_masks(spectra: Sequence[ComplexArray]) -> list[ComplexArray]:
    mixed, true = spectra
    ratio = true * mixed.conj() / (np.square(np.abs(mixed)) + _TINY)
    return [ratio / np.maximum(np.abs(ratio), 1)]


def _running_median(rows: RealArray) -> RealArray:
    """Filter each row, zeros beyond its ends; as one signal, for which SciPy is 7 times faster."""
    half = MEDIAN_LENGTH // 2
    padded = np.pad(rows, ((0, 0), (half, half)))
    filtered: RealArray = median_filter(padded.ravel(), MEDIAN_LENGTH, mode="constant")
    return filtered.reshape(padded.shape)[:, half:-half]
