"""How far a mean over songs can be trusted: bootstrap intervals, seeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsp.evaluation.summary import by_group

SEED = 0
RESAMPLES = 10_000
CONFIDENCE = 0.95
ALL_SONGS = "all songs"

Row = Mapping[str, Any]
Interval = list[float]  # low, high


def bootstrap_interval(values: Sequence[float], seed: int = SEED) -> Interval | None:
    """Percentile interval of the mean, songs drawn with replacement; None for fewer than two.

    For paired differences pass the differences: a song is then drawn with both its scores. Efron &
    Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    if len(values) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    means = np.asarray(values, np.float64)[drawn].mean(axis=1)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return [float(low), float(high)]


def mean_intervals(rows: Sequence[Row], groups: Sequence[str]) -> dict[str, Any]:
    """Return intervals of the mean uSDR by part of the songs and by stem."""
    parts = {ALL_SONGS: list(rows)} | (by_group(rows, groups) if groups else {})
    return {name: _by_stem(part) for name, part in parts.items()}


def differences(
    first: Mapping[str, Any], second: Mapping[str, Any], groups: Sequence[str]
) -> dict[str, Any]:
    """Return by how much the second result's uSDR is above the first's, in dB, song by song.

    Both are results on the same songs in the same order.
    """
    pairs = [
        {"name": one["name"], "stems": _paired(one["stems"], two["stems"])}
        for one, two in zip(first["songs"], second["songs"], strict=True)
    ]
    parts = {ALL_SONGS: pairs} | (by_group(pairs, groups) if groups else {})
    return {name: _differences_by_stem(part) for name, part in parts.items()}


def _paired(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """{stem: {"usdr": difference}} of the stems that both were scored on."""
    return {
        stem: {"usdr": two[stem]["usdr"] - one[stem]["usdr"]}
        for stem in one
        if one[stem]["usdr"] is not None and two[stem]["usdr"] is not None
    }


def _by_stem(rows: Sequence[Row]) -> dict[str, Interval | None]:
    return {stem: bootstrap_interval(values) for stem, values in _usdrs(rows).items()}


def _differences_by_stem(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        stem: {
            "songs": len(values),
            "mean": float(np.mean(values)),
            "interval": bootstrap_interval(values),
            "median": float(np.median(values)),
            "better": sum(value > 0 for value in values),
            "of_song": {
                row["name"]: row["stems"][stem]["usdr"] for row in rows if stem in row["stems"]
            },
        }
        for stem, values in _usdrs(rows).items()
    }


def _usdrs(rows: Sequence[Row]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for stem, scores in row["stems"].items():
            if scores["usdr"] is not None:
                found.setdefault(stem, []).append(scores["usdr"])
    return found
