"""All measures of an estimate, by stem: plain numbers, None where one is not defined."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsp.evaluation import bleed, musical_noise, spectral_distance
from dsp.evaluation.backing import backing_scores
from dsp.evaluation.dataset import RATE_HZ, Song
from dsp.evaluation.log_wmse import log_wmse_of_level, weighted_level
from dsp.evaluation.metrics import level_dbfs, median_sdr, si_sdr, usdr
from dsp.evaluation.seams import SeamGrid, seam_score
from dsp.evaluation.spectra import Resolution, SpectralMeasure, feed
from dsp.separator import FloatArray

STEMS = ("vocals", "instrumental")
SILENCE_DBFS = -80.0
"""A reference below this level is silent: lossy formats do not keep silence digital."""

Scores = dict[str, float | None]


def score(
    references: Mapping[str, FloatArray], estimates: Mapping[str, FloatArray]
) -> dict[str, Scores]:
    """Score every stem in the plain ratios; a silent or missing one only by its level."""
    heard = _heard(references)
    framewise = median_sdr(heard, {stem: estimates[stem] for stem in heard}, RATE_HZ)
    return {
        stem: _ratios(heard[stem], estimates[stem], framewise[stem])
        if stem in heard
        else _leakage(estimates[stem])
        for stem in STEMS
    }


def score_fully(
    song: Song, estimates: Mapping[str, FloatArray], seams: SeamGrid | None = None
) -> dict[str, Scores]:
    """Score every stem in every measure that its reference allows.

    Without ``seams`` there is no seam score.
    """
    heard, scores = _heard(song.references), score(song.references, estimates)
    silence, level = np.zeros_like(song.mixture), weighted_level(song.mixture)
    for stem, estimate in estimates.items():
        reference = song.references.get(stem, silence)
        scores[stem]["log_wmse"] = log_wmse_of_level(level, reference, estimate)
        if stem not in heard:
            scores[stem]["leakage_re_mixture_db"] = level_dbfs(estimate) - level_dbfs(song.mixture)
            continue
        scores[stem] |= _spectral(reference, estimate)
        if seams is not None:
            scores[stem]["seam_db"] = seam_score(reference, estimate, seams)
    return _with_backing(song, estimates, scores)


def _heard(references: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    return {stem: true for stem, true in references.items() if level_dbfs(true) > SILENCE_DBFS}


def _ratios(reference: FloatArray, estimate: FloatArray, framewise_sdr: float) -> Scores:
    return {
        "usdr": usdr(reference, estimate),
        "sdr": framewise_sdr if np.isfinite(framewise_sdr) else None,
        "si_sdr": si_sdr(reference, estimate),
    }


def _leakage(estimate: FloatArray) -> Scores:
    return {"usdr": None, "sdr": None, "si_sdr": None, "leakage_dbfs": level_dbfs(estimate)}


def _spectral(reference: FloatArray, estimate: FloatArray) -> Scores:
    """Measures on spectra; those of one resolution share its transform."""
    bleeding, noise = bleed.BleedMeasure(), musical_noise.MusicalNoiseMeasure()
    distances = {one: spectral_distance.DistanceMeasure() for one in spectral_distance.RESOLUTIONS}
    measures: dict[Resolution, list[SpectralMeasure]] = {one: [m] for one, m in distances.items()}
    measures.setdefault(bleed.RESOLUTION, []).append(bleeding)
    measures.setdefault(musical_noise.RESOLUTION, []).append(noise)
    for resolution, several in measures.items():
        feed(reference, estimate, resolution, several)
    return {
        **bleeding.values(),
        "l1_freq": spectral_distance.l1_freq(reference, estimate),
        "mrstft": float(np.mean([distance.value for distance in distances.values()])),
        "musical_noise": noise.value,
    }


def _with_backing(
    song: Song, estimates: Mapping[str, FloatArray], scores: dict[str, Scores]
) -> dict[str, Scores]:
    backing = song.backing_vocals
    if backing is not None and level_dbfs(backing) > SILENCE_DBFS:
        vocals = song.references["vocals"]
        scores["vocals"] |= backing_scores(vocals, backing, estimates["vocals"])
    return scores
