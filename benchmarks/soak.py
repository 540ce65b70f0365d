"""Soak: healthy live streams among faulty clients for long, and a day of audio at full speed.

``python -m benchmarks.soak --minutes 30 --hours 24`` (``make soak``) prints figures, writes them as
JSON with every sample, and a plot; ends with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.soak_live import soak_live
from benchmarks.soak_long import soak_long
from benchmarks.soak_samples import Sample, as_rows, broken_promises
from server.commands.json_output import write_json

STREAMS = 1  # of phoenix live: what README promises of one core
STRUCK_MODEL = "fixed-gains"


def run_soak(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run both halves, as far as they are wanted; returns figures and what did not hold."""
    figures: dict[str, Any] = {}
    live: list[Sample] = []
    events: dict[str, Any] = {}
    long: list[Sample] = []
    if arguments.minutes:
        with tqdm(total=round(60 * arguments.minutes), desc="live", unit="s") as bar:
            figures["live"], live, events = soak_live(
                60 * arguments.minutes,
                arguments.streams,
                model=arguments.model,
                profile=arguments.profile,
                struck_model=STRUCK_MODEL,
                seed=arguments.seed,
                on_sample=lambda _: bar.update(),
            )
    if arguments.hours:
        with tqdm(desc="a day at full speed", unit="sample") as bar:
            figures["long"], long = soak_long(arguments.hours, on_sample=lambda _: bar.update())
    figures["broken"] = [f"{half}: {what}" for half in figures for what in _broken(figures[half])]
    _write(arguments.out, figures | {"events": events}, live, long)
    return figures


def _broken(half: dict[str, Any]) -> list[str]:
    wrong = half.get("wrong_samples", 0) + half.get("missing_samples", 0)
    return broken_promises(half) + (["output was not what it must be"] if wrong else [])


def _write(
    folder: Path, figures: dict[str, Any], live: Sequence[Sample], long: Sequence[Sample]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    samples = {"live": as_rows(live), "long": as_rows(long)}
    write_json(folder / "soak.json", figures | {"samples": samples})
    from benchmarks.soak_figure import draw_soak  # noqa: PLC0415 -- plots are an extra

    draw_soak(folder / "soak.png", live, long)


def main(words: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=30.0, help="of live streams [30]")
    parser.add_argument("--hours", type=float, default=24.0, help="of audio at full speed [24]")
    parser.add_argument("--streams", type=int, default=STREAMS, help=f"healthy ones [{STREAMS}]")
    parser.add_argument("--model", default="phoenix", help="of the healthy streams [phoenix]")
    parser.add_argument("--profile", default="live", help="of the healthy streams [live]")
    parser.add_argument("--seed", type=int, default=1, help="of the faults [1]")
    parser.add_argument("--out", type=Path, default=Path("build/soak"), help="folder [build/soak]")
    figures = run_soak(parser.parse_args(words))
    for half in ("live", "long"):
        for name, value in figures.get(half, {}).items():
            print(
                f"{half:6}{name:26}{value:.2f}"
                if isinstance(value, float)
                else f"{half:6}{name:26}{value}"
            )
    print("broken:", "; ".join(figures["broken"]) or "nothing")
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
