"""From a run's checkpoint to what a model is shipped as: averaged weights, half precision."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from dsp.training.checkpoint import mean_weights
from dsp.training.errors import CheckpointError


def export_weights(checkpoint: Path, target: Path) -> str:
    """Write the averaged weights as float16 safetensors; returns the file's SHA-256, for the card.

    Half precision costs nothing that can be measured: its steps are far below what training leaves
    undecided. Raises CheckpointError where there is no checkpoint.
    """
    if not checkpoint.is_file():
        raise CheckpointError(f"{checkpoint} is not there; train first")
    mean = mean_weights(checkpoint)
    tensors = {name: value.to(torch.float16).contiguous() for name, value in mean.items()}
    content = save(tensors)
    target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
