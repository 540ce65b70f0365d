"""From a run's checkpoint to what a model is shipped as: averaged weights, stored small."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.numpy import save

from dsp.networks.stored_weights import to_stored
from dsp.training.checkpoint import mean_weights
from dsp.training.errors import CheckpointError


def export_weights(checkpoint: Path, target: Path) -> str:
    """Write the averaged weights as safetensors; returns the file's SHA-256, for the card.

    Raises CheckpointError where there is no checkpoint.
    """
    if not checkpoint.is_file():
        raise CheckpointError(f"{checkpoint} is not there; train first")
    arrays = {name: values.numpy() for name, values in mean_weights(checkpoint).items()}
    content = save(to_stored(arrays))
    target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
