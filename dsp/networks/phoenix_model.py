"""Phoenix as the registry knows it: weights trained here, bundled, checked against the card.

`live` streams the joined network. `live-int8` does so with the large products in eight bits, where
the processor has them, and its deep levels twice as often in the time that this saves. `studio` and
`offline` are the U-Net by itself, with some of the future or all of it.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load

from dsp.errors import UnknownProfileError, WeightsCorruptError, WeightsMissingError
from dsp.networks import phoenix, unet_offline, unet_studio
from dsp.networks.joined_network import HOPS_PER_STEP, JoinedNetwork
from dsp.networks.joined_step import QUICK_GRID, JoinedStep, pack
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.packed_linear import LinearKind
from dsp.networks.phoenix_network import PhoenixConfig
from dsp.networks.quantised_linear import has_quantised
from dsp.networks.stored_weights import from_stored
from dsp.networks.unet_weights import weights_from_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.joined_step import PackedJoined
    from dsp.networks.model_card import ModelCard, WeightsFile
    from dsp.separator import Profile, Separator

NAME = "phoenix"


def profiles_here() -> Mapping[str, Profile]:
    """Name the profiles of this machine: `live-int8` is there where its products are."""
    everywhere = (phoenix.LIVE, unet_studio.PROFILE, unet_offline.PROFILE)
    quantised = (phoenix.LIVE_INT8,) if has_quantised() else ()
    return {profile.name: profile for profile in (*everywhere, *quantised)}


PROFILES = profiles_here()


class Phoenix:
    """The model with its weights packed, which all streams share: only their states differ.

    Those in eight bits are made when a stream first needs them. Thread-safe. Raises
    WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = profiles_here()
        network = load_network(self.card.weights_for("vocals"))
        self._unet = network.unet.weights
        self._packed = pack(network)
        self._quantised: PackedJoined | None = None
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(2, thread_name_prefix=NAME)

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        self._check_profile(profile_name)
        match profile_name:
            case "live-int8":
                step = JoinedStep(self._packed_in_eight_bits())
                return phoenix.PhoenixLive(step, phoenix.LIVE_INT8)
            case "studio":
                return unet_studio.make_studio_unet(self._unet)
            case "offline":
                return unet_offline.OfflineUNet(self._executor, self._unet)
        return phoenix.PhoenixLive(JoinedStep(self._packed))

    def _check_profile(self, profile_name: str) -> None:
        if profile_name in self.profiles:
            return
        known = ", ".join(self.profiles)
        lacking = f"{NAME} has no profile {profile_name!r}"
        if profile_name == phoenix.LIVE_INT8.name:
            lacking += " on a processor without AVX512-VNNI"
        raise UnknownProfileError(f"{lacking}; there are: {known}")

    def _packed_in_eight_bits(self) -> PackedJoined:
        with self._lock:
            if self._quantised is None:
                network = load_network(self.card.weights_for("vocals"))
                self._quantised = pack(network, LinearKind.ONEDNN_INT8, QUICK_GRID)
            return self._quantised


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
    try:
        tensors = from_stored(load(content))
        unet = {n.removeprefix("unet."): t for n, t in tensors.items() if n.startswith("unet.")}
        network = JoinedNetwork(weights_from_tensors(unet), PhoenixConfig(), HOPS_PER_STEP)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, RuntimeError) as reason:
        raise WeightsCorruptError(f"{path} does not fit the network: {reason}") from reason
    return network.eval().requires_grad_(requires_grad=False)
