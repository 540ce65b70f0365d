"""What single ideas are worth: each trained alike, from random weights, and scored alike.

``python -m benchmarks.ablations --config FILE --steps 400 --out build/ablations`` (``make
ablations``) trains every variant of ``ablation_variants`` on the same examples in the same order,
one after the other, and writes a table, its figures as JSON, and the learning curves. Started
again, it goes on where it stopped.

A variant is scored on songs kept aside, by the error of the samples that every second hop of a
stream would play: nothing has to stream for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.ablation_variants import VARIANTS
from dsp.training.config import RunConfig, load_config
from dsp.training.heap import keep_freed_memory
from dsp.training.journal import Journal
from dsp.training.loop import Loop
from dsp.training.mixer import Mixer
from dsp.training.session import open_data
from dsp.training.teacher import Teacher
from dsp.training.validation import Excerpt, means_db
from server.commands.json_output import write_json

_TABLE = ("full_db", "stems_db", "teacher_db", "karaoke_db")


def run_variant(
    name: str, config: RunConfig, mixer: Mixer, songs: tuple[Excerpt, ...]
) -> dict[str, Any]:
    """Train a variant, or go on with it; returns its scores and the loss along the way."""
    torch.manual_seed(config.seed)
    task = VARIANTS[name]()
    own = replace(config, folder=str(Path(config.folder) / _file_name(name)))
    loop = Loop(own, task, mixer, songs=(), marks_db={})
    loop.run()
    task.network.load_state_dict(dict(loop.mean.values))
    scores = {song.name: task.played_usdr_db(song.vocals, song.mixture) for song in songs}
    losses = [float(row["loss_db"]) for row in Journal(Path(own.folder) / "steps.csv", ()).rows()]
    return {"scores": scores, **means_db(scores, songs), "loss_db": losses}


def as_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay the figures out as Markdown: each variant's scores."""
    groups = ("all full mixes", "true stems", "teacher-labelled", "karaoke")
    lines = [f"| | {' | '.join(groups)} |", "|---" * (1 + len(groups)) + "|"]
    for name, result in results.items():
        figures = " | ".join(f"{result[group]:.1f}" for group in _TABLE)
        lines.append(f"| {name} | {figures} |")
    return "\n".join(lines)


def draw_losses(results: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw how each loss came down; those in other units than decibels are left out."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, only for a picture

    figure = Figure(figsize=(10, 6), layout="constrained")
    axis = figure.subplots()
    for name, result in results.items():
        if not name.startswith("loss"):
            losses = np.array(result["loss_db"])
            window = max(1, len(losses) // 20)
            smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
            axis.plot(np.arange(len(smooth)) + window, smooth, label=name, linewidth=1.0)
    axis.set(xlabel="step", ylabel="training loss, dB, mean of a twentieth of the steps")
    axis.legend()
    figure.savefig(path, dpi=110)


def main(words: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--config", type=Path, required=True, help="of a training run")
    parser.add_argument("--steps", type=int, default=400, help="of each variant [400]")
    parser.add_argument("--only", action="append", choices=VARIANTS, help="may be repeated [all]")
    parser.add_argument("--out", type=Path, default=Path("build/ablations"), help="folder")
    arguments = parser.parse_args(words)
    keep_freed_memory()
    torch.set_num_threads(1)
    results: dict[str, dict[str, Any]] = {}
    for name, result in _trained(_config_of(arguments), arguments.only or list(VARIANTS)):
        results[name] = result  # what is there is written: the next one takes a while
        write_json(arguments.out / "ablations.json", results)
        draw_losses(results, arguments.out / "ablations.png")
    print(as_table(results))
    return 0


def _config_of(arguments: argparse.Namespace) -> RunConfig:
    config = load_config(arguments.config)
    optimiser = replace(config.optimiser, steps=arguments.steps)
    return replace(config, folder=str(arguments.out), optimiser=optimiser)


def _trained(config: RunConfig, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    mixer, songs = open_data(config, Teacher.load())
    for name in names:
        yield name, run_variant(name, config, mixer, songs)


def _file_name(variant: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in variant)


if __name__ == "__main__":
    raise SystemExit(main())
