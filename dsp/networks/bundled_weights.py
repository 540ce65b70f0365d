"""Weights that are part of the package: checked against the model card, and read as arrays."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

from safetensors import SafetensorError
from safetensors.numpy import load

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.model_card import CARD_PACKAGE
from dsp.networks.stored_weights import from_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dsp.networks.model_card import WeightsFile
    from dsp.separator import FloatArray

_Made = TypeVar("_Made")


def load_bundled(file: WeightsFile, make: Callable[[Mapping[str, FloatArray]], _Made]) -> _Made:
    """Read the bundled weights, stored small, and make of them what is wanted.

    Raises WeightsMissingError, or WeightsCorruptError where the bytes are others than the card's or
    do not fit, which ``make`` says by KeyError, ValueError or RuntimeError.
    """
    path = resources.files(CARD_PACKAGE).joinpath(file.checkpoint)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise WeightsMissingError(f"{path} is not there; install phoenix-stems again") from None
    found = hashlib.sha256(content).hexdigest()
    if found != file.checkpoint_sha256:
        raise WeightsCorruptError(
            f"{path}: SHA-256 {file.checkpoint_sha256} expected, {found} found; "
            "install phoenix-stems again"
        )
    try:
        return make(from_stored(load(content)))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as reason:
        raise WeightsCorruptError(f"{path} does not fit the network: {reason}") from reason
