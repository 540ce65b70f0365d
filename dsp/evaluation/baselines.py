"""Outputs that take no skill, and oracles: what a score is worth is seen beside theirs.

Every baseline maps a mixture and the true stems, [channel, sample], to estimates by stem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dsp.evaluation.oracles import (
    Stems,
    harmonic_percussive,
    ideal_complex_mask,
    ideal_ratio_mask,
)
from dsp.separator import FloatArray


def mixture(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Take the mixture itself for every stem."""
    return dict.fromkeys(references, mixed)


def constant_gain(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Scale the mixture by the best gain for the song and stem: an oracle, and still poor."""
    return {stem: mixed * _best_gain(mixed, true) for stem, true in references.items()}


def centre(mixed: FloatArray, references: Stems) -> dict[str, FloatArray]:
    """Take what both channels share for the vocals, the rest for every other stem."""
    middle = np.broadcast_to(mixed.mean(axis=0, dtype=np.float32), mixed.shape)
    return {stem: middle if stem == "vocals" else mixed - middle for stem in references}


BASELINES: Mapping[str, Callable[[FloatArray, Stems], dict[str, FloatArray]]] = {
    "mixture": mixture,
    "constant_gain": constant_gain,
    "centre": centre,
    "harmonic_percussive": harmonic_percussive,
    "ideal_ratio_mask": ideal_ratio_mask,
    "ideal_complex_mask": ideal_complex_mask,
}


def _best_gain(mixed: FloatArray, true: FloatArray) -> np.float32:
    energy = np.square(mixed, dtype=np.float64).sum()
    return np.float32(np.vdot(mixed.astype(np.float64), true) / energy if energy else 0.0)
