"""``phoenix-stems demo``: the main job on a bundled song, and what it shows."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.demo import DemoResult, live_realtime_factor, run_demo, summary
from server.commands.json_output import add_json_argument, write_json

_DESCRIPTION = """\
Starts a server of its own, plays the bundled song through it in real time in blocks of 256 frames,
then separates it again as fast as it can. Writes the stems as WAV and a picture as PNG.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="separate the bundled song and show what happens",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo_output"),
        help="folder for stems and picture",
    )
    parser.add_argument("--model", default="", help="model to use [the server's default]")
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and print what it showed."""
    result = run_demo(arguments.output, arguments.model)
    print(render(result))
    write_json(arguments.json, summary(result))
    return 0


def render(result: DemoResult) -> str:
    """Return the figures as text."""
    live, rate_hz = result.live, result.song.rate_hz
    rows = [f"\n{result.song.name}, {live.blocks} blocks of 256 frames, paced in real time"]
    rows.append("  latency, samples")
    rows += [
        f"    {name.replace('_', ' '):18}{samples:6}"
        for name, samples in asdict(live.latency).items()
    ]
    total_ms = live.latency.total_ms(rate_hz)
    rows.append(f"    {'reported':18}{live.latency.total:6}   {total_ms:.1f} ms")
    rows.append(f"    {'measured':18}{live.measured_latency_samples:6}")
    rows.append(f"  late blocks       {live.late_blocks:8}")
    rows.append(f"  real-time factor  {live_realtime_factor(live):8.3f}   live")
    rows.append(f"                    {result.offline.realtime_factor:8.3f}   offline profile")
    rows.append("  SDR, dB                 live   offline   best constant gain")
    rows += [
        f"    {stem:18}{s.live:8.2f}{s.offline:10.2f}{s.best_constant_gain:21.2f}"
        for stem, s in result.scores.items()
    ]
    rows.append("  written")
    rows += [f"    {path}" for path in result.files]
    return "\n".join(rows)
