"""A run on disk: whole or not at all, and read back without unpickling code."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dsp.training.config import RunConfig
from dsp.training.errors import CheckpointError
from dsp.training.schedule import MeanWeights

_FORMAT = 1


@dataclass
class Progress:
    """What a run has done so far."""

    step: int = 0  # steps finished
    seconds: float = 0.0  # spent training
    best_usdr_db: float = -1e9  # on held-out full mixes
    stale_validations: int = 0  # since the best


def save_checkpoint(
    path: Path,
    config: RunConfig,
    *,
    progress: Progress,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    mean: MeanWeights,
) -> None:
    """Write everything that resuming needs, under its name only once it is whole."""
    document = {
        "format": _FORMAT,
        "recipe": recipe(config),
        "progress": asdict(progress),
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "mean": mean.values,
    }
    partial = path.with_suffix(".partial")
    with partial.open("wb") as handle:
        torch.save(document, handle)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)


def load_checkpoint(
    path: Path,
    config: RunConfig,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    mean: MeanWeights,
) -> Progress:
    """Go on from a checkpoint; CheckpointError where it is another recipe's."""
    document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if document.get("format") != _FORMAT or document["recipe"] != recipe(config):
        raise CheckpointError(
            f"{path} was made by another recipe (data, augmentation, optimiser or network); "
            "restore the configuration, or train in another folder"
        )
    network.load_state_dict(document["network"])
    optimiser.load_state_dict(document["optimiser"])
    mean.load(document["mean"])
    return Progress(**document["progress"])


def mean_weights(path: Path) -> dict[str, Tensor]:
    """Read only the averaged weights of a checkpoint: what is validated and shipped."""
    document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    mean: dict[str, Tensor] = document["mean"]
    return mean


def recipe(config: RunConfig) -> str:
    """Hash the settings that decide how a run goes on from here.

    Where and how often to save, and where it once started, are not among them.
    """
    settings = asdict(config)
    for name in ("folder", "start_from", "validate_minutes", "checkpoint_minutes", "patience"):
        del settings[name]
    del settings["data"]["cache"]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
