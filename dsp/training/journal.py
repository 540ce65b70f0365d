"""The run's diary: CSV files that grow row by row, and a picture of the curve."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


class Journal:
    """A CSV file of one row per event, each with the step it belongs to."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self._columns = ("step", *columns)

    def rewind(self, step: int) -> None:
        """Forget rows after a step: a resumed run makes them again. Begins the file if need be."""
        kept = [row for row in self.rows() if int(row["step"]) <= step]
        partial = self.path.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
        partial.replace(self.path)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row."""
        with self.path.open("a", newline="", encoding="utf-8") as handle:
            row = {name: f"{value:.6g}" for name, value in values.items()}
            csv.DictWriter(handle, self._columns).writerow({"step": step, **row})

    def rows(self) -> list[dict[str, str]]:
        """Read every row; none before the first."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))


def draw_curve(losses: Journal, scores: Journal, marks: Mapping[str, float], path: Path) -> None:
    """Plot the loss and the validation scores over steps; ``marks`` are horizontal lines in dB."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, only for a picture

    figure = Figure(figsize=(9, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    rows = scores.rows()
    for name in (key for key in (rows[0] if rows else {}) if key.endswith("_db")):
        upper.plot(*_series(rows, name), marker=".", label=name.removesuffix("_db"))
        upper.legend(loc="lower right")
    for name, value in marks.items():
        upper.axhline(value, linestyle=":", color="grey")
        upper.annotate(f"{name} {value:.2f}", (0.01, value), xycoords=("axes fraction", "data"))
    upper.set_ylabel("vocals uSDR, dB")
    steps, values = _series(losses.rows(), "loss_db")
    lower.plot(steps, _smoothed(values), linewidth=0.8)
    lower.set_ylabel("training loss, dB")
    lower.set_xlabel("step")
    figure.savefig(path, dpi=110)


def _series(rows: Sequence[Mapping[str, str]], name: str) -> tuple[list[int], list[float]]:
    return [int(row["step"]) for row in rows], [float(row[name]) for row in rows]


def _smoothed(values: Sequence[float], share: float = 0.05) -> list[float]:
    out: list[float] = []
    for value in values:
        out.append(value if not out else (1 - share) * out[-1] + share * value)
    return [float(v) for v in np.asarray(out)]
