"""How near an estimated stem is to the true one, in dB.

All signals are [channel, sample], of equal shape; sums run over channels and samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from dsp.separator import FloatArray

DoubleArray = npt.NDArray[np.float64]

_USDR_FLOOR = 1e-8  # what both energies are raised by: silence estimated as silence scores 0 dB
_LEVEL_FLOOR = 1e-12  # -120 dBFS
_BLOCK_SAMPLES = 1 << 14


def usdr(reference: FloatArray, estimate: FloatArray) -> float:
    """Signal-to-distortion ratio of the whole signal, no distortion forgiven.

    Mitsufuji et al., "Music Demixing Challenge 2021", section 4.2.
    """
    signal, distortion = _energy(reference), _distance(reference, estimate)
    return float(10 * np.log10((signal + _USDR_FLOOR) / (distortion + _USDR_FLOOR)))


def si_sdr(reference: FloatArray, estimate: FloatArray) -> float:
    """Signal-to-distortion ratio that forgives a wrong level.

    Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, equation 5.
    """
    scale = product(reference, estimate) / max(_energy(reference), _USDR_FLOOR)
    signal = scale**2 * _energy(reference)
    distortion = _distance(reference, estimate, scale)
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
    frames = _frames(reference, frame_samples), _frames(estimate, frame_samples)
    energies = [
        (_energy(true), _distance(true, found))
        for true, found in zip(*(np.moveaxis(one, 1, 0) for one in frames), strict=True)
    ]
    signal, distortion = np.array(energies, np.float64).reshape(-1, 2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: DoubleArray = 10 * np.log10(signal / distortion)
    return ratios


def _audible(signal: FloatArray, frame_samples: int) -> npt.NDArray[np.bool_]:
    """[frame]: whether the channels' sum is not zero throughout."""
    frames = np.moveaxis(_frames(signal, frame_samples), 1, 0)
    return np.array([frame.sum(axis=0).any() for frame in frames], np.bool_)


def _frames(signal: FloatArray, frame_samples: int) -> FloatArray:
    """[channel, frame, sample]; the rest of a started frame is left off."""
    count = signal.shape[1] // frame_samples
    return signal[:, : count * frame_samples].reshape(signal.shape[0], count, frame_samples)


def _median(values: DoubleArray) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _energy(signal: FloatArray) -> float:
    return product(signal, signal)


def product(first: FloatArray, second: FloatArray) -> float:
    """Sum of the products of two signals' samples, in double precision."""
    return sum(float(np.vdot(one, two)) for one, two in _double_blocks(first, second))


def _distance(reference: FloatArray, estimate: FloatArray, scale: float = 1.0) -> float:
    """Energy of ``scale * reference - estimate``."""
    differences = (scale * one - two for one, two in _double_blocks(reference, estimate))
    return sum(float(np.vdot(one, one)) for one in differences)


def _double_blocks(
    first: FloatArray, second: FloatArray
) -> Iterator[tuple[DoubleArray, DoubleArray]]:
    """Both signals in double precision, little enough at a time for the processor's cache."""
    for start in range(0, first.shape[1], _BLOCK_SAMPLES):
        part = slice(start, start + _BLOCK_SAMPLES)
        yield first[:, part].astype(np.float64), second[:, part].astype(np.float64)
