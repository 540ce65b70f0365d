"""Phoenix as the registry knows it: weights trained here, bundled, checked against the card."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load

from dsp.errors import UnknownProfileError, WeightsCorruptError, WeightsMissingError
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.phoenix import LIVE, PhoenixLive, live_network
from dsp.networks.phoenix_network import PhoenixConfig
from dsp.networks.phoenix_packed import pack
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.stored_weights import from_stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.model_card import ModelCard, WeightsFile
    from dsp.networks.phoenix_network import PhoenixNetwork
    from dsp.separator import Profile, Separator

NAME = "phoenix"
PROFILES: Mapping[str, Profile] = {LIVE.name: LIVE}


class Phoenix:
    """The model with its weights packed, which all streams share: only their states differ.

    Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        self._packed = pack(load_network(self.card.weights_for("vocals")))

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        if profile_name not in self.profiles:
            known = ", ".join(self.profiles)
            raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")
        return PhoenixLive(PhoenixStep(self._packed))


def load_network(file: WeightsFile) -> PhoenixNetwork:
    """Read the bundled weights, stored small, into a network for streams."""
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
    network = live_network(PhoenixConfig())
    try:
        network.load_state_dict(from_stored(load(content)))
    except (SafetensorError, KeyError, RuntimeError) as reason:
        raise WeightsCorruptError(f"{path} does not fit the network: {reason}") from reason
    return network.eval().requires_grad_(requires_grad=False)
