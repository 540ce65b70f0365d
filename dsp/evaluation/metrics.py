"""How near an estimated stem is to the true one, in dB.

All signals are [channel, sample], of equal shape; sums run over channels and samples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dsp.separator import FloatArray

DoubleArray = npt.NDArray[np.float64]

_USDR_FLOOR = 1e-8  # what both energies are raised by: silence estimated as silence scores 0 dB
_LEVEL_FLOOR = 1e-12  # -120 dBFS


def usdr(reference: FloatArray, estimate: FloatArray) -> float:
    """Signal-to-distortion ratio of the whole signal, no distortion forgiven.

    Mitsufuji et al., "Music Demixing Challenge 2021", section 4.2.
    """
    signal, distortion = _energy(reference), _energy(_difference(reference, estimate))
    return float(10 * np.log10((signal + _USDR_FLOOR) / (distortion + _USDR_FLOOR)))


def si_sdr(reference: FloatArray, estimate: FloatArray) -> float:
    """Signal-to-distortion ratio that forgives a wrong level.

    Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, equation 5.
    """
    true, found = reference.astype(np.float64), estimate.astype(np.float64)
    target = true * (np.vdot(true, found) / max(_energy(reference), _USDR_FLOOR))
    signal, distortion = float((target**2).sum()), float(((target - found) ** 2).sum())
    return float(10 * np.log10((signal + _USDR_FLOOR) / (distortion + _USDR_FLOOR)))


def median_sdr(
    references: Mapping[str, FloatArray], estimates: Mapping[str, FloatArray], frame_samples: int
) -> dict[str, float]:
    """SDR of BSSEval version 4 for each stem: the median over frames of one second.

    Version 4 splits the error of a stem's stereo image into spatial distortion, interference and
    artefacts by projections; the SDR is of their sum, which is the plain error, whatever the
    projections. Frames where a reference or an estimate is digital silence do not count, nor does a
    last frame that is not full; NaN where none is left.

    Reference: Stöter, Liutkus & Ito, "The 2018 Signal Separation Evaluation Campaign", LVA 2018.
    """
    audible = np.logical_and.reduce(
        [_audible(x, frame_samples) for x in (*references.values(), *estimates.values())]
    )
    return {
        stem: _median(_frame_sdr(references[stem], estimates[stem], frame_samples)[audible])
        for stem in references
    }


def level_dbfs(signal: FloatArray) -> float:
    """Root mean square of a signal, 0 dB for a constant 1, at least -120."""
    return float(10 * np.log10(_energy(signal) / max(signal.size, 1) + _LEVEL_FLOOR))


def _frame_sdr(reference: FloatArray, estimate: FloatArray, frame_samples: int) -> DoubleArray:
    """[frame], in dB."""
    signal = _frame_energies(reference, frame_samples)
    distortion = _frame_energies(_difference(reference, estimate), frame_samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: DoubleArray = 10 * np.log10(signal / distortion)
    return ratios


def _frame_energies(signal: npt.NDArray[np.floating], frame_samples: int) -> DoubleArray:
    squares = np.square(_frames(signal, frame_samples), dtype=np.float64)
    energies: DoubleArray = squares.sum(axis=(0, 2))
    return energies


def _audible(signal: FloatArray, frame_samples: int) -> npt.NDArray[np.bool_]:
    """[frame]: whether the channels' sum is not zero throughout."""
    audible: npt.NDArray[np.bool_] = _frames(signal, frame_samples).sum(axis=0).any(axis=1)
    return audible


def _frames(signal: npt.NDArray[np.floating], frame_samples: int) -> npt.NDArray[np.floating]:
    """[channel, frame, sample]; the rest of a started frame is left off."""
    count = signal.shape[1] // frame_samples
    return signal[:, : count * frame_samples].reshape(signal.shape[0], count, frame_samples)


def _median(values: DoubleArray) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _difference(reference: FloatArray, estimate: FloatArray) -> DoubleArray:
    return reference.astype(np.float64) - estimate


def _energy(signal: npt.NDArray[np.floating]) -> float:
    return float(np.square(signal, dtype=np.float64).sum())
