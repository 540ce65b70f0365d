"""The soak's picture: memory, round trips and late blocks over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from benchmarks.soak_samples import Sample

mpl.use("Agg")  # before pyplot is imported: no display is needed
import matplotlib.pyplot as plt
from matplotlib.axes import Axes


def draw_soak(path: Path, live: Sequence[Sample], long: Sequence[Sample]) -> None:
    """Write a PNG; either part may be empty."""
    figure, axes = plt.subplots(4, 1, figsize=(12, 10), constrained_layout=True)
    _lines(axes[0], live, "live: server memory, MiB", rss_mib="resident")
    _lines(
        axes[1],
        live,
        "live: round trip of healthy streams in each second, ms",
        round_trip_max_ms="largest",
        round_trip_p50_ms="median",
    )
    _lines(
        axes[2],
        live,
        "live: totals",
        late_blocks="late blocks",
        threads="threads",
        descriptors="descriptors",
    )
    _lines(axes[3], long, "faster than real time: server memory, MiB", rss_mib="resident")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _lines(axis: Axes, samples: Sequence[Sample], title: str, **lines: str) -> None:
    seconds = [each.seconds for each in samples]
    for name, label in lines.items():
        axis.plot(seconds, [getattr(each, name) for each in samples], label=label, linewidth=0.8)
    axis.set_title(title, loc="left")
    axis.set_xlabel("s")
    axis.set_ylim(bottom=0)
    axis.legend(loc="lower right")
    axis.grid(alpha=0.3)
