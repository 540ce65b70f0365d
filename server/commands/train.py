"""``phoenix-stems train --config FILE``: train a network, or go on where the last run stopped.

Several processes share every batch where torchrun starts them:
``torchrun --nproc-per-node 2 --no-python phoenix-stems train --config FILE``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "train a network from a TOML configuration; started again, it goes on where it stopped"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("train", help=HELP, description=HELP)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML file")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument(
        "--device", help="where the network is trained: cpu, cuda (default: cuda if it is there)"
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="WEIGHTS",
        help="write the averaged weights that did best so far (safetensors) instead of training",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Train until done or told to stop (SIGTERM, Ctrl-C); the checkpoint is written either way."""
    import torch  # noqa: PLC0415 - the command line stays quick without it

    from dsp.training.cluster import joined_cluster  # noqa: PLC0415
    from dsp.training.config import load_config  # noqa: PLC0415
    from dsp.training.heap import keep_freed_memory  # noqa: PLC0415
    from dsp.training.session import start  # noqa: PLC0415

    config = load_config(arguments.config)
    if arguments.export:
        return _export(Path(config.folder), arguments.export)
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    with joined_cluster() as cluster:
        start(config, cluster, arguments.device or _usual_device()).run()
    return 0


def _usual_device() -> str:
    import torch  # noqa: PLC0415

    return "cuda" if torch.cuda.is_available() else "cpu"


def _export(folder: Path, target: Path) -> int:
    from dsp.training.export import export_weights  # noqa: PLC0415
    from dsp.training.loop import BEST, CHECKPOINT  # noqa: PLC0415

    # Without songs kept aside nothing is best, and the newest weights it is.
    source = folder / BEST if (folder / BEST).is_file() else folder / CHECKPOINT
    print(f"{target}  SHA-256 {export_weights(source, target)}")
    return 0
