"""Means, medians and histograms over songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsp.evaluation.baselines import BASELINES

Row = Mapping[str, Any]

OTHERS = "others"
_BOUNDS_DB = {
    "<0": (-np.inf, 0.0),
    "0-5": (0.0, 5.0),
    "5-10": (5.0, 10.0),
    "10-15": (10.0, 15.0),
    ">15": (15.0, np.inf),
}
FURTHER_MEASURES = (
    "bleedless",
    "fullness",
    "l1_freq",
    "mrstft",
    "log_wmse",
    "musical_noise",
    "seam_db",
    "backing_recall",
    "backing_usdr",
    "leakage_re_mixture_db",
)
"""Their means are over the songs that have them."""


def summarise(rows: Sequence[Row], groups: Sequence[str]) -> dict[str, Any]:
    """Summaries of all songs, of the baselines, and of each group of songs by name's beginning."""
    whole = _summary_with_baselines(rows)
    if not groups:
        return whole
    parts = by_group(rows, groups)
    return whole | {"groups": {name: _summary_with_baselines(some) for name, some in parts.items()}}


def by_group(rows: Sequence[Row], groups: Sequence[str]) -> dict[str, list[Row]]:
    """Sort songs by the first group whose name theirs begins with; no empty groups."""
    named = {
        group: [row for row in rows if _group_of(row, groups) == group]
        for group in (*groups, OTHERS)
    }
    return {group: some for group, some in named.items() if some}


def _group_of(row: Row, groups: Sequence[str]) -> str:
    return next((group for group in groups if row["name"].startswith(group)), OTHERS)


def _summary_with_baselines(rows: Sequence[Row]) -> dict[str, Any]:
    baselines = rows[0]["baselines"] if rows else BASELINES
    return {
        "summary": _summary([row["stems"] for row in rows]),
        "baselines": {
            name: _summary([row["baselines"][name] for row in rows]) for name in baselines
        },
    }


def _summary(scores: Sequence[Mapping[str, Mapping[str, float | None]]]) -> dict[str, Any]:
    """Summary by stem of the songs that have it."""
    stems = scores[0] if scores else {}
    return {stem: _stem_summary([song[stem] for song in scores]) for stem in stems}


def _stem_summary(scores: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    usdrs = _present(scores, "usdr")
    return {
        "songs": len(usdrs),
        "usdr_mean": _or_none(np.mean, usdrs),
        "usdr_median": _or_none(np.median, usdrs),
        "sdr_median": _or_none(np.median, _present(scores, "sdr")),
        "si_sdr_mean": _or_none(np.mean, _present(scores, "si_sdr")),
        "leakage_dbfs_max": _or_none(np.max, _present(scores, "leakage_dbfs")),
        "histogram": {
            name: sum(low <= value < high for value in usdrs)
            for name, (low, high) in _BOUNDS_DB.items()
        },
        "means": {
            measure: float(np.mean(values))
            for measure in FURTHER_MEASURES
            if (values := _present(scores, measure))
        },
    }


def _present(scores: Sequence[Mapping[str, float | None]], measure: str) -> list[float]:
    return [value for song in scores if (value := song.get(measure)) is not None]


def _or_none(statistic: Any, values: Sequence[float]) -> float | None:
    return float(statistic(values)) if values else None
