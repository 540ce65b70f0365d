"""``phoenix-stems bench``: measure kernels, hops, transport and the live path on this machine."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

from server.commands.json_output import add_json_argument, write_json

_DESCRIPTION = """\
Times are this machine's; ratios are measured in one run, both sides in turn, and travel better.
Leave the machine alone meanwhile: anything else that runs is in the figures.
"""
_SECTIONS = ("kernels", "hop", "transport", "live")
_LONG_SECTIONS = (
    "streams",
    "batches",
    "soak",
    "start",
    "candidates",
)  # minutes each, so not part of all


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bench",
        help="measure kernels, hops, transport and the live path",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--section",
        choices=(*_SECTIONS, *_LONG_SECTIONS, "all"),
        default="all",
        help="what to measure; streams, batches, soak, start and candidates only when named [all]",
    )
    parser.add_argument(
        "--seconds",
        type=positive_seconds,
        default=30.0,
        help="audio for the hop and live sections [30]",
    )
    parser.add_argument("--model", default="phoenix", help="model of hop and live [phoenix]")
    parser.add_argument(
        "--profile", default="live", help="profile of hop, streams and soak: a live one [live]"
    )
    parser.add_argument(
        "--streams", type=_count, help="so many in the streams section [one to the first refused]"
    )
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and write JSON if asked to."""
    chosen = _SECTIONS if arguments.section == "all" else (arguments.section,)
    measure = _measures(arguments.seconds, arguments.model, arguments.profile, arguments.streams)
    figures: dict[str, Any] = {}
    for section in chosen:
        figures[section] = measure[section]()
        print(_render(section, figures[section]), flush=True)
    write_json(arguments.json, figures)
    return 0


def _measures(
    seconds: float, model: str, profile: str, streams: int | None
) -> dict[str, Callable[[], Mapping[str, Any]]]:
    """Return what measures each section.

    Each imports what it needs: a client of the transport has no torch in its process either.
    """
    return {
        "kernels": _kernels,
        "hop": lambda: _hop(seconds, model, profile),
        "transport": _transport,
        "live": lambda: _live(seconds, model),
        "streams": lambda: _streams(seconds, model, profile, streams),
        "batches": _batches,
        "soak": lambda: _soak(seconds, model, profile),
        "start": _start,
        "candidates": _candidates,
    }


def _kernels() -> Mapping[str, Any]:
    from benchmarks.kernels import measure_kernels  # noqa: PLC0415

    return measure_kernels()


def _hop(seconds: float, model: str, profile: str) -> Mapping[str, Any]:
    from benchmarks.hop import measure_hop  # noqa: PLC0415

    return measure_hop(seconds, model, profile)


def _transport() -> Mapping[str, Any]:
    from benchmarks.transport import measure_transport  # noqa: PLC0415

    return measure_transport()


def _live(seconds: float, model: str) -> Mapping[str, Any]:
    from benchmarks.live import BLOCK_FRAMES, measure_live  # noqa: PLC0415

    blocks = round(seconds * 44100) // BLOCK_FRAMES
    with tqdm(total=blocks, desc="live, real time", unit="block", leave=False) as bar:
        return measure_live(seconds, model, on_block=lambda _: bar.update())


def _streams(seconds: float, model: str, profile: str, streams: int | None) -> Mapping[str, Any]:
    from benchmarks.streams import measure_streams  # noqa: PLC0415

    return measure_streams(seconds, model, profile, streams)


def _batches() -> Mapping[str, Any]:
    from benchmarks.batches import measure_batches  # noqa: PLC0415

    return measure_batches()


def _soak(seconds: float, model: str, profile: str) -> Mapping[str, Any]:
    from benchmarks.soak_live import soak_live  # noqa: PLC0415

    return soak_live(seconds, 1, model=model, profile=profile, struck_model="fixed-gains", seed=1)[
        0
    ]


def _start() -> Mapping[str, Any]:
    from benchmarks.start import measure_start  # noqa: PLC0415

    return measure_start()


def _candidates() -> Mapping[str, Any]:
    from benchmarks.step_candidates import measure_candidates  # noqa: PLC0415

    return measure_candidates()


def _render(title: str, figures: Mapping[str, Any], indent: str = "") -> str:
    rows = [f"{indent}{title}"]
    for name, value in figures.items():
        if isinstance(value, Mapping):
            rows.append(_render(name, value, indent + "  "))
        else:
            shown = f"{value:.3f}" if isinstance(value, float) else str(value)
            rows.append(f"{indent}  {name:34}{shown:>12}")
    return "\n".join(rows)


def positive_seconds(text: str) -> float:
    """Read an argument that says for how long to measure."""
    seconds = float(text)
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} seconds: 1 or more, and an end")
    return seconds


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} streams: 1 or more")
    return number
