"""Whether the edges of blocks can be heard: the error beside them against the error elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.separator import FloatArray, Profile

DoubleArray = npt.NDArray[np.float64]

_REACH_SAMPLES = 32  # to either side of an edge
_LEAST_PERIOD = 8
_LEAST_EDGES = 100  # fewer tell more of chance than of seams
_FLOOR = 1e-12
_ROWS = 4096  # periods folded at once


@dataclass(frozen=True, slots=True)
class SeamGrid:
    """Where a separator joins what it computed: edges at ``offset + k * period`` samples."""

    period_samples: int
    offset_samples: int = 0

    @classmethod
    def of(cls, profile: Profile) -> SeamGrid:
        """Return the edges of a profile's hops, in samples of the aligned output."""
        return cls(profile.hop_samples, -profile.delay_samples % profile.hop_samples)


def seam_score(reference: FloatArray, estimate: FloatArray, grid: SeamGrid) -> float | None:
    """Signal-to-noise ratio beside the edges minus that elsewhere, in dB.

    0 where edges are no worse than the rest, negative where they are. Signals are [channel,
    sample]; None where they have too few edges, or edges too near each other, to tell.
    """
    period = grid.period_samples
    if period < _LEAST_PERIOD or reference.shape[1] < _LEAST_EDGES * period:
        return None
    beside = _beside_an_edge(grid)
    signal = _folded_energy(reference, None, period)
    noise = _folded_energy(reference, estimate, period)
    return _ratio_db(signal[beside], noise[beside]) - _ratio_db(signal[~beside], noise[~beside])


def _beside_an_edge(grid: SeamGrid) -> npt.NDArray[np.bool_]:
    """[phase]: a quarter of the period at most counts as beside an edge."""
    reach = min(_REACH_SAMPLES, grid.period_samples // 8)
    phases = np.arange(grid.period_samples) - grid.offset_samples + reach
    beside: npt.NDArray[np.bool_] = phases % grid.period_samples < 2 * reach
    return beside


def _folded_energy(first: FloatArray, second: FloatArray | None, period: int) -> DoubleArray:
    """Energy [phase] of a signal, or of the difference of two, folded by the period."""
    total = np.zeros(period)
    whole = first.shape[1] // period * period
    for start in range(0, whole, _ROWS * period):
        part = slice(start, min(start + _ROWS * period, whole))
        values = first[:, part] if second is None else first[:, part] - second[:, part]
        folded = values.reshape(-1, period)
        total += np.einsum("ij,ij->j", folded, folded, dtype=np.float64)
    return total


def _ratio_db(signal: DoubleArray, noise: DoubleArray) -> float:
    return float(10 * np.log10((signal.sum() + _FLOOR) / (noise.sum() + _FLOOR)))
