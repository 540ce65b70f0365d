"""``phoenix-stems separate``: files in, one file per stem out."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from plugin_bridge import BridgeError, EmbeddedServer, Session, connect
from plugin_bridge.file_separation import FileResult, separate_file
from protocol import StemsError
from server.commands.json_output import add_json_argument, write_json
from server.commands.key_options import add_key_options, key_arguments

_DESCRIPTION = """\
Separates audio files into stems: any format libsndfile reads, any rate, mono or stereo. Stems are
written to DIR/NAME/STEM.EXT, where NAME is the input's name without its extension (with it, where
two inputs would share a folder), in the input's format, rate and subtype (WAV where the format
cannot be written). A stem file appears under its name when it is complete, or not at all. Without
--connect a server is started for the purpose.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "separate",
        help="separate audio files into stems",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", nargs="+", type=Path, metavar="INPUT", help="audio files")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="where stems go"
    )
    parser.add_argument(
        "--stems", default="", metavar="A,B", help="stems to write, or mix [all of the model]"
    )
    parser.add_argument("--connect", metavar="ENDPOINT", help="a running server [start one]")
    add_key_options(parser)
    parser.add_argument("--model", default="", metavar="NAME", help="[the server's default]")
    parser.add_argument(
        "--profile",
        default="offline",
        metavar="NAME",
        help="offline: best quality; studio; live: exactly what live use gives [offline]",
    )
    add_json_argument(parser)
    parser.set_defaults(func=run)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one input, and how long it took."""

    source: Path
    seconds: float
    result: FileResult | None = None
    error: str = ""

    def figures(self) -> dict[str, Any]:
        """Return what ``--json`` writes about the file."""
        figures: dict[str, Any] = {"name": str(self.source), "seconds": self.seconds}
        if self.result is None:
            return figures | {"error": self.error}
        done = self.result
        audio_seconds = done.frames / done.rate_hz
        return figures | {
            "audio_seconds": audio_seconds,
            "realtime_factor": self.seconds / audio_seconds if audio_seconds else None,
            "stems": {stem: str(path) for stem, path in done.stems.items()},
            "clipped_samples": done.clipped_samples,
            "replaced_samples": done.replaced_samples,
        }


def run(arguments: argparse.Namespace) -> int:
    """Separate every input; returns 0 only when all of them succeeded."""
    try:
        places = _directories(arguments.input, arguments.output)
        with ExitStack() as stack:
            endpoint = arguments.connect
            if endpoint is None:
                endpoint = stack.enter_context(_own_server(arguments)).endpoint
            outcomes = [
                _separate(source, directory, endpoint, arguments) for source, directory in places
            ]
    except (BridgeError, StemsError) as error:
        _complain(str(error))
        return 1
    write_json(arguments.json, {"files": [outcome.figures() for outcome in outcomes]})
    return int(any(outcome.result is None for outcome in outcomes))


def _own_server(arguments: argparse.Namespace) -> EmbeddedServer:
    """Start a server for these files alone; a live hop is too short to be shared among cores."""
    threads = 0 if arguments.profile.startswith("live") else os.cpu_count() or 0
    return EmbeddedServer(model=arguments.model, profile=arguments.profile, threads=threads)


def _directories(sources: Sequence[Path], output: Path) -> list[tuple[Path, Path]]:
    """Return where each file's stems go: a folder by its name, with the extension if need be.

    Raises BridgeError where the stems of one file would replace those of another.
    """
    names = Counter(source.stem for source in sources)
    places: dict[Path, Path] = {}
    for source in sources:
        directory = output / (source.stem if names[source.stem] == 1 else source.name)
        other = places.setdefault(directory, source)
        if other is not source:
            raise BridgeError(
                f"{other} and {source}: the stems of both would go to {directory}; separate them "
                "one by one, each with an --output of its own"
            )
    return [(source, directory) for directory, source in places.items()]


def _separate(
    source: Path, directory: Path, endpoint: str, arguments: argparse.Namespace
) -> _Outcome:
    """Separate one file; what goes wrong with it is told, and others go on."""
    stems = tuple(filter(None, arguments.stems.split(",")))

    def open_session(rate_hz: int, channels: int) -> Session:
        return connect(
            endpoint,
            rate_hz=rate_hz,
            channels=channels,
            model=arguments.model,
            profile=arguments.profile,
            stems=stems,
            **key_arguments(arguments),
        )

    started = time.perf_counter()
    try:
        with _progress_bar(source) as bar:
            result = separate_file(source, directory, open_session, bar.update)
    except (BridgeError, StemsError, OSError) as error:
        _complain(_with_name(source, str(error)))
        return _Outcome(source, time.perf_counter() - started, error=str(error))
    _warn(result)
    return _Outcome(source, time.perf_counter() - started, result)


def _progress_bar(source: Path) -> tqdm[Any]:
    """Return a bar in frames; how many there will be is known unless the file is unreadable."""
    import soundfile  # noqa: PLC0415 -- the command line starts faster without it

    try:
        total = soundfile.info(str(source)).frames
    except (OSError, soundfile.SoundFileError):
        total = None
    disable = None  # tqdm: only on a terminal
    return tqdm(
        total=total, desc=source.name, unit="frame", unit_scale=True, leave=False, disable=disable
    )


def _warn(result: FileResult) -> None:
    if result.clipped_samples:
        _complain(
            f"{result.source}: {result.clipped_samples} samples of stems were beyond full scale "
            "and have been clipped; use a float input to keep them"
        )
    if result.replaced_samples:
        _complain(
            f"{result.source}: {result.replaced_samples} samples were not finite and have been "
            "taken as silence"
        )


def _with_name(source: Path, text: str) -> str:
    return text if str(source) in text else f"{source}: {text}"


def _complain(text: str) -> None:
    print(f"phoenix-stems separate: {text}", file=sys.stderr)
