"""Weights that are part of the package: checked against the model card, read into a network."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.model_card import CARD_PACKAGE
from dsp.networks.stored_weights import from_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from dsp.networks.model_card import WeightsFile

    Network = TypeVar("Network", bound=nn.Module)


def load_bundled(
    file: WeightsFile, make_network: Callable[[Mapping[str, Tensor]], Network]
) -> Network:
    """Make a network and read the bundled weights, stored small, into it.

    ``make_network`` is given the tensors, should it need any. Raises WeightsMissingError, or
    WeightsCorruptError where the bytes are others than the card's or do not fit.
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
        tensors = from_stored(load(content))
        network = make_network(tensors)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, RuntimeError) as reason:
        raise WeightsCorruptError(f"{path} does not fit the network: {reason}") from reason
    return network.eval().requires_grad_(requires_grad=False)
