"""Scores as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsp.evaluation.summary import FURTHER_MEASURES

_MEASURES = ("usdr", "sdr", "si_sdr")
_NAME_WIDTH = 28


def render(result: Mapping[str, Any]) -> str:
    """Lay out the result of ``evaluate``: songs, means, baselines, groups; dB throughout."""
    way = "streamed" if result["streamed"] else "in process"
    factor = result["realtime_factor"]
    lines = [f"{result['model']}, profile {result['profile']}, {way}", "", _header()]
    lines += [_song(row) for row in result["songs"]]
    lines += ["", *_summary("all songs", result)]
    for name, group in result.get("groups", {}).items():
        lines += ["", *_summary(name, group)]
    lines += _further_means(result["summary"])
    if factor is not None:
        lines += ["", f"real-time factor {factor:.3f}"]
    return "\n".join(lines)


def _further_means(summary: Mapping[str, Any]) -> list[str]:
    """One line for each measure beyond the ratios that any stem has."""
    measures = {name for stem in summary.values() for name in stem["means"]}
    ordered = [name for name in FURTHER_MEASURES if name in measures]
    lines = [
        f"{name.replace('_', ' '):{_NAME_WIDTH}}"
        + "".join(f"{_cell(stem['means'].get(name))}{'':18}" for stem in summary.values()).rstrip()
        for name in ordered
    ]
    return ["", f"{'means':{_NAME_WIDTH}}", *lines] if lines else []


def _header() -> str:
    stems = "".join(f"{stem:>27}" for stem in ("vocals", "instrumental"))
    measures = "".join(f"{name:>9}" for name in _MEASURES)
    return f"{'':{_NAME_WIDTH}}{stems}\n{'song':{_NAME_WIDTH}}{measures}{measures}"


def _song(row: Mapping[str, Any]) -> str:
    cells = "".join(_stem(scores) for scores in row["stems"].values())
    return f"{row['name'][: _NAME_WIDTH - 1]:{_NAME_WIDTH}}{cells}"


def _stem(scores: Mapping[str, float | None]) -> str:
    leakage = scores.get("leakage_dbfs")
    if leakage is not None:
        return f"{'leakage':>18}{leakage:9.1f}"
    return "".join(_cell(scores[name]) for name in _MEASURES)


def _summary(title: str, part: Mapping[str, Any]) -> list[str]:
    rows = {title: part["summary"]} | {f"  {name}": row for name, row in part["baselines"].items()}
    head = f"{'uSDR':{_NAME_WIDTH}}" + f"{'mean':>9}{'median':>9}{'songs':>9}" * 2
    return [head, *(_summary_row(name, row) for name, row in rows.items())]


def _summary_row(name: str, stems: Mapping[str, Mapping[str, Any]]) -> str:
    cells = "".join(
        f"{_cell(stem['usdr_mean'])}{_cell(stem['usdr_median'])}{stem['songs']:9d}"
        for stem in stems.values()
    )
    return f"{name.replace('_', ' '):{_NAME_WIDTH}}{cells}"


def _cell(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:9.2f}"
