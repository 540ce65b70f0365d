"""``phoenix-stems render --data DIR --out DIR``: songs from MIDI and voices, to train on."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "render songs with all their stems from MIDI files, sound fonts and recorded voices"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("render", help=HELP, description=HELP)
    parser.add_argument("--data", type=Path, required=True, help="folder with a manifest")
    parser.add_argument("--out", type=Path, required=True, help="folder for the songs")
    parser.add_argument("--songs", type=int, default=100, help="how many there shall be [100]")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each [60]")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn [1]")
    parser.add_argument("--cache", type=Path, help="decoded audio, as in training [OUT/cache]")
    parser.add_argument("--fonts", type=Path, help="folder of sound fonts [Debian's]")
    parser.add_argument(
        "--tier",
        action="append",
        choices=("permissive", "research"),
        help="terms of the voices, may be repeated [both]",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Render what is not there yet; returns 0."""
    from tqdm import tqdm  # noqa: PLC0415 -- the command line stays quick without all this

    from dsp.training.manifest import Tier  # noqa: PLC0415
    from dsp.training.pcm_cache import PcmCache  # noqa: PLC0415
    from dsp.training.rendering.folder import find_sources, render_folder  # noqa: PLC0415
    from dsp.training.rendering.player import FONTS_FOLDER  # noqa: PLC0415

    tiers = tuple(Tier(name) for name in arguments.tier or [tier.value for tier in Tier])
    sources = find_sources(arguments.data, tiers, arguments.fonts or FONTS_FOLDER)
    cache = PcmCache(arguments.cache or arguments.out / "cache")
    with tqdm(total=arguments.songs, unit="song") as bar:
        render_folder(
            sources,
            cache,
            arguments.out,
            songs=arguments.songs,
            seconds=arguments.seconds,
            seed=arguments.seed,
            on_song=bar.update,
        )
    return 0
