"""Scores of a model, or of anything else that separates, on songs with known stems."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dsp.evaluation.baselines import BASELINES
from dsp.evaluation.dataset import RATE_HZ, Song
from dsp.evaluation.metrics import level_dbfs, median_sdr, si_sdr, usdr
from dsp.evaluation.summary import summarise
from dsp.separator import FloatArray

Separate = Callable[[FloatArray], Mapping[str, FloatArray]]
"""A mixture [channel 2, sample] at 44.1 kHz to its stems by name, aligned and equally long."""

STEMS = ("vocals", "instrumental")
SILENCE_DBFS = -80.0
"""A reference below this level is silent: lossy formats do not keep silence digital."""

Scores = dict[str, float | None]


def evaluate(
    songs: Iterable[Song],
    separate: Separate,
    *,
    model: str,
    profile: str,
    streamed: bool,
    groups: Sequence[str] = (),
) -> dict[str, Any]:
    """Separate and score every song; the result is plain data, ready for JSON.

    ``groups`` are beginnings of song names: each gets a summary of its own, and so do the songs
    that begin with none of them. Raises whatever ``separate`` raises.
    """
    rows, seconds_used = [], 0.0
    for song in songs:
        began = time.perf_counter()
        estimates = separate(song.mixture)
        seconds_used += time.perf_counter() - began
        rows.append(_row(song, two_stems(estimates)))
    seconds = sum(row["seconds"] for row in rows)
    return {
        "model": model,
        "profile": profile,
        "streamed": streamed,
        "songs": rows,
        **summarise(rows, groups),
        "realtime_factor": seconds_used / seconds if seconds else None,
    }


def two_stems(estimates: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Vocals, and the sum of everything else as the instrumental."""
    rest = [signal for stem, signal in estimates.items() if stem != "vocals"]
    return {"vocals": estimates["vocals"], "instrumental": np.sum(rest, axis=0, dtype=np.float32)}


def score(
    references: Mapping[str, FloatArray], estimates: Mapping[str, FloatArray]
) -> dict[str, Scores]:
    """Score every stem; one without a reference, or with a silent one, only by its level."""
    heard = {stem: true for stem, true in references.items() if level_dbfs(true) > SILENCE_DBFS}
    framewise = median_sdr(heard, {stem: estimates[stem] for stem in heard}, RATE_HZ)
    return {
        stem: _scores(heard[stem], estimates[stem], framewise[stem])
        if stem in heard
        else _leakage(estimates[stem])
        for stem in STEMS
    }


def _row(song: Song, estimates: Mapping[str, FloatArray]) -> dict[str, Any]:
    return {
        "name": song.name,
        "seconds": song.seconds,
        "stems": score(song.references, estimates),
        "baselines": {
            name: score(song.references, _complete(baseline(song.mixture, song.references), song))
            for name, baseline in BASELINES.items()
        },
    }


def _complete(estimates: Mapping[str, FloatArray], song: Song) -> dict[str, FloatArray]:
    """Give a baseline silence for the stems that the song has not got."""
    silence = np.zeros_like(song.mixture)
    return {stem: estimates.get(stem, silence) for stem in STEMS}


def _scores(reference: FloatArray, estimate: FloatArray, framewise_sdr: float) -> Scores:
    return {
        "usdr": usdr(reference, estimate),
        "sdr": framewise_sdr if np.isfinite(framewise_sdr) else None,
        "si_sdr": si_sdr(reference, estimate),
    }


def _leakage(estimate: FloatArray) -> Scores:
    return {"usdr": None, "sdr": None, "si_sdr": None, "leakage_dbfs": level_dbfs(estimate)}
