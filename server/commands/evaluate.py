"""``phoenix-stems evaluate``: measure separation quality on songs with known stems."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from server.commands.json_output import add_json_argument, write_json

if TYPE_CHECKING:
    from dsp.separator import FloatArray
    from plugin_bridge import OfflineLiveSession

_DESCRIPTION = """\
DIR holds one folder for each song, with audio files named by stem: vocals (and backing_vocals),
and either instrumental or any of bass, drums, piano, electric_guitar, acoustic_guitar,
synthesizer, other. Their sum is separated, or mixture where it is there. Any format and rate that
libsndfile reads.

Without --streamed the model runs in this process; with it, every song goes through a server and the
bridge in blocks of 256 frames, as it would in a host, only faster than real time.
"""
BLOCK_FRAMES = 256
RATE_HZ = 44_100
_CHANNELS = 2

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
    parser.add_argument("--model", default="rocknet", help="what separates [rocknet]")
    parser.add_argument("--profile", help="its profile [offline; live if --streamed]")
    parser.add_argument("--streamed", action="store_true", help="through server and bridge")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="PREFIX",
        help="also summarise the songs whose names begin so, and the others; may be repeated",
    )
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Separate and score every song, print the table, and write JSON if asked to."""
    from dsp.evaluation import evaluate, find_songs, load_song, render  # noqa: PLC0415

    folders = find_songs(arguments.directory)
    profile = arguments.profile or ("live" if arguments.streamed else "offline")
    opened = _streamed if arguments.streamed else _in_process
    with opened(arguments.model, profile) as separate:
        songs = (load_song(folder) for folder in tqdm(folders, unit="song", leave=False))
        result = evaluate(
            songs,
            separate,
            model=arguments.model,
            profile=profile,
            streamed=arguments.streamed,
            groups=arguments.group,
        )
    print(render(result))
    write_json(arguments.json, result)
    return 0


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
