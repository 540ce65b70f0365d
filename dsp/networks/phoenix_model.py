"""Phoenix as the registry knows it: weights trained here, bundled, checked against the card.

`live` streams the joined network. `studio` and `offline` are its U-Net by itself, with some of the
future or all of it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load

from dsp.errors import UnknownProfileError, WeightsCorruptError, WeightsMissingError
from dsp.networks import phoenix, unet_offline, unet_studio
from dsp.networks.joined_network import HOPS_PER_MASK, JoinedNetwork
from dsp.networks.joined_step import JoinedStep, pack
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.phoenix_network import PhoenixConfig
from dsp.networks.stored_weights import from_stored
from dsp.networks.unet_weights import untrained_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.model_card import ModelCard, WeightsFile
    from dsp.separator import Profile, Separator

NAME = "phoenix"
PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (phoenix.LIVE, unet_studio.PROFILE, unet_offline.PROFILE)
}


class Phoenix:
    """The model with its weights packed, which all streams share: only their states differ.

    Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        network = load_network(self.card.weights_for("vocals"))
        self._unet = network.unet.weights
        self._packed = pack(network)
        self._executor = ThreadPoolExecutor(2, thread_name_prefix=NAME)

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        match profile_name:
            case "live":
                return phoenix.PhoenixLive(JoinedStep(self._packed))
            case "studio":
                return unet_studio.make_studio_unet(self._unet)
            case "offline":
                return unet_offline.OfflineUNet(self._executor, self._unet)
        known = ", ".join(self.profiles)
        raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")


def load_network(file: WeightsFile) -> JoinedNetwork:
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
    network = JoinedNetwork(untrained_weights(), PhoenixConfig(), HOPS_PER_MASK)
    try:
        network.load_state_dict(from_stored(load(content)))
    except (SafetensorError, KeyError, RuntimeError) as reason:
        raise WeightsCorruptError(f"{path} does not fit the network: {reason}") from reason
    return network.eval().requires_grad_(requires_grad=False)
