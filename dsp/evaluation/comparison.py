"""Several results on the same songs, beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from dsp.evaluation.intervals import CONFIDENCE, RESAMPLES, SEED, differences


def compare(results: Sequence[Mapping[str, Any]], groups: Sequence[str] = ()) -> dict[str, Any]:
    """Pair every result with those before it; plain data, ready for JSON."""
    return {
        "models": list(results),
        "differences": [
            {
                "model": label_of(second),
                "over": label_of(first),
                "parts": differences(first, second, groups),
            }
            for first, second in combinations(results, 2)
        ],
        "bootstrap": {"seed": SEED, "resamples": RESAMPLES, "confidence": CONFIDENCE},
    }


def label_of(result: Mapping[str, Any]) -> str:
    """Name a result by model, profile and way."""
    return f"{result['model']}:{result['profile']}{', streamed' if result['streamed'] else ''}"


def render_comparison(comparison: Mapping[str, Any]) -> str:
    """Lay out the differences as a table; dB throughout."""
    lines = [f"{'uSDR above, dB':44}{'part':14}{'stem':14}{'mean':>8}  {'95 %':^16}{'better':>9}"]
    for pair in comparison["differences"]:
        title = f"{pair['model']} over {pair['over']}"
        for part, stems in pair["parts"].items():
            lines += [f"{title:44}{part:14}{stem:14}{_cells(of)}" for stem, of in stems.items()]
    return "\n".join(lines)


def _cells(difference: Mapping[str, Any]) -> str:
    interval = difference["interval"]
    between = f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else "-"
    better = f"{difference['better']}/{difference['songs']}"
    return f"{difference['mean']:+8.2f}  {between:^16}{better:>9}"
