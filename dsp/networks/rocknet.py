"""Rocknet: the open two-stem U-Net in every profile it runs in.

Amplitude only, mixture phase. `live` streams the vocals network and has no look-ahead: with the
large products in eight bits where the processor has AMX or VNNI, and deep levels twice as often in
a part of the time that this saves. `live-float32` streams it exactly on every machine; elsewhere
the two are one. `studio` runs it again with a little future, `offline` runs both networks with all
of it.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dsp.errors import UnknownProfileError
from dsp.networks import unet_offline, unet_studio
from dsp.networks.linear import LinearKind
from dsp.networks.live_network import LIVE, LIVE_FLOAT32, LiveNetwork
from dsp.networks.model_card import load_card
from dsp.networks.products import has_bytes
from dsp.networks.rocknet_live import QUICK_GRID, RocknetStep
from dsp.networks.rocknet_packed import pack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.model_card import ModelCard
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.networks.unet_weights import UNetWeights
    from dsp.separator import Profile, Separator

NAME = "rocknet"
PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (LIVE, LIVE_FLOAT32, unet_studio.PROFILE, unet_offline.PROFILE)
}


class Rocknet:
    """The model with its vocals network loaded; the rest is made when a profile first needs it.

    Thread-safe; separators share the weights. Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        self._vocals = _load("vocals")
        self._packed: dict[LinearKind, PackedUNet] = {}
        self._instrumental: UNetWeights | None = None
        self._executor = ThreadPoolExecutor(2, thread_name_prefix=NAME)
        self._lock = threading.Lock()

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        match profile_name:
            case "live" if has_bytes():
                packed = self._packed_vocals(LinearKind.EIGHT_BITS)
                return LiveNetwork(RocknetStep(packed, QUICK_GRID))
            case "live" | "live-float32":
                packed = self._packed_vocals(LinearKind.FLOAT32)
                return LiveNetwork(RocknetStep(packed), self.profiles[profile_name])
            case "studio":
                return unet_studio.make_studio_unet(self._vocals)
            case "offline":
                instrumental = self._instrumental_weights()
                return unet_offline.OfflineUNet(self._executor, self._vocals, instrumental)
        known = ", ".join(self.profiles)
        raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")

    def _packed_vocals(self, kind: LinearKind) -> PackedUNet:
        with self._lock:
            if kind not in self._packed:
                self._packed[kind] = pack(self._vocals.arrays(), kind=kind)
            return self._packed[kind]

    def _instrumental_weights(self) -> UNetWeights:
        with self._lock:
            if self._instrumental is None:
                self._instrumental = _load("instrumental")
            return self._instrumental


def _load(stem: str) -> UNetWeights:
    from dsp.networks.rocknet_weights import load_rocknet_weights  # noqa: PLC0415 -- has torch

    return load_rocknet_weights(stem)
