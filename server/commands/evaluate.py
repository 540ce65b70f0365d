"""``phoenix-stems evaluate``: measure separation quality on songs with known stems."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from server.commands.evaluate_report import Report, add_report_argument
from server.commands.json_output import add_json_argument, write_json

if TYPE_CHECKING:
    from dsp.evaluation import Contender, SeamGrid
    from dsp.separator import FloatArray
    from plugin_bridge import OfflineLiveSession

_DESCRIPTION = """\
DIR holds one folder for each song, with audio files named by stem: vocals (and backing_vocals),
and either instrumental or any of bass, drums, piano, electric_guitar, acoustic_guitar,
synthesizer, other. Their sum is separated, or mixture where it is there. Any format and rate that
libsndfile reads.

Without --streamed the models run in this process; with it, every song goes through a server and the
bridge in blocks of 256 frames, as it would in a host, only faster than real time.

Several models are compared song by song: --model rocknet:live --model rocknet:offline. The JSON of
one model is its result; that of several has the list of them as "models", and "differences".
"""
BLOCK_FRAMES = 256
RATE_HZ = 44_100
_CHANNELS = 2
_OPEN_UNET = ("rocknet", "offline")

_Separate = Callable[["FloatArray"], Mapping[str, "FloatArray"]]


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "evaluate",
        help="measure separation quality on songs with known stems",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="a folder of song folders")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PROFILE]",
        help="what separates; may be repeated [phoenix]",
    )
    parser.add_argument("--profile", help="of models that name none [offline; live if --streamed]")
    parser.add_argument("--streamed", action="store_true", help="through server and bridge")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="PREFIX",
        help="also summarise the songs whose names begin so, and the others; may be repeated",
    )
    parser.add_argument(
        "--no-open-unet",
        action="store_true",
        help="without the row of the open U-Net offline (it costs its computing time)",
    )
    add_report_argument(parser)
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Separate and score every song, print tables, and write JSON and report if asked to."""
    from dsp.evaluation import (  # noqa: PLC0415
        compare,
        evaluate_all,
        find_songs,
        load_song,
        render,
        render_comparison,
    )

    folders = find_songs(arguments.directory)
    report = Report.open(arguments.report)
    wanted = _wanted(arguments)
    with ExitStack() as stack:
        contenders = [_opened(stack, *one, streamed=arguments.streamed) for one in wanted]
        peers = _peers(stack, arguments, wanted)
        songs = (load_song(folder) for folder in tqdm(folders, unit="song", leave=False))
        results = evaluate_all(
            songs, contenders, groups=arguments.group, peers=peers, listen=report.listen
        )
    comparison = compare(results, arguments.group)
    print("\n\n".join(render(result) for result in results))
    if len(results) > 1:
        print("\n" + render_comparison(comparison))
    write_json(arguments.json, comparison if len(results) > 1 else results[0])
    report.write(comparison)
    return 0


def _wanted(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Name the models and their profiles, each once."""
    usual = arguments.profile or ("live" if arguments.streamed else "offline")
    split = (name.partition(":") for name in arguments.model or ["phoenix"])
    return list(dict.fromkeys((name, profile or usual) for name, _, profile in split))


def _opened(stack: ExitStack, model: str, profile: str, *, streamed: bool) -> Contender:
    from dsp.evaluation import Contender  # noqa: PLC0415

    way = _streamed if streamed else _in_process
    separate = stack.enter_context(way(model, profile))
    return Contender(model, profile, streamed, separate, _seams(model, profile))


def _peers(
    stack: ExitStack, arguments: argparse.Namespace, wanted: list[tuple[str, str]]
) -> dict[str, _Separate]:
    """Give the open U-Net offline, unless it is unwanted or a contender itself; say if it lacks."""
    from dsp.errors import WeightsMissingError  # noqa: PLC0415

    if arguments.no_open_unet or (_OPEN_UNET in wanted and not arguments.streamed):
        return {}
    try:
        return {"open_unet": stack.enter_context(_in_process(*_OPEN_UNET))}
    except WeightsMissingError as error:
        print(f"no row of the open U-Net offline: {error}", file=sys.stderr)
        return {}


def _seams(model: str, profile: str) -> SeamGrid:
    """Tell where a profile joins its hops."""
    from dsp.evaluation import SeamGrid  # noqa: PLC0415
    from dsp.networks.registry import available_models  # noqa: PLC0415

    (description,) = (one for one in available_models() if one.name == model)
    return SeamGrid.of(description.profiles[profile])


@contextmanager
def _in_process(model_name: str, profile: str) -> Iterator[_Separate]:
    """Give a function that runs the model without a server."""
    from dsp.networks.registry import load_model  # noqa: PLC0415
    from dsp.pipeline import StreamPipeline  # noqa: PLC0415

    model = load_model(model_name)
    separator = model.separator(profile)

    def separate(mixture: FloatArray) -> Mapping[str, FloatArray]:
        pipeline = StreamPipeline(
            separator,
            rate_hz=RATE_HZ,
            channels=_CHANNELS,
            model_stems=model.stems,
            max_block_frames=mixture.shape[1],
        )
        blocks = [*pipeline.push(0, mixture), *pipeline.flush()]
        stems = np.concatenate([block.samples for block in blocks], axis=2)
        return dict(zip(model.stems, stems, strict=True))

    yield separate


@contextmanager
def _streamed(model: str, profile: str) -> Iterator[_Separate]:
    """Give a function that plays to a server of our own and hears what a host would hear."""
    from plugin_bridge import connect_offline_live  # noqa: PLC0415

    with connect_offline_live(
        rate_hz=RATE_HZ,
        channels=_CHANNELS,
        max_block_frames=BLOCK_FRAMES,
        model=model,
        profile=profile,
    ) as session:
        yield lambda mixture: _play(session, mixture)


def _play(session: OfflineLiveSession, mixture: FloatArray) -> Mapping[str, FloatArray]:
    """Play a song from position 0 and take off the latency."""
    latency = session.latency.total
    samples = mixture.shape[1]
    padded = np.pad(mixture, ((0, 0), (0, latency + -(samples + latency) % BLOCK_FRAMES)))
    session.seek(0)
    heard = np.concatenate(
        [
            session.process(padded[:, start : start + BLOCK_FRAMES])
            for start in range(0, padded.shape[1], BLOCK_FRAMES)
        ],
        axis=2,
    )
    aligned = heard[..., latency : latency + samples]
    return dict(zip(session.stems, aligned, strict=True))
