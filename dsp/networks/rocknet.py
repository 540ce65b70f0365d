"""Rocknet: the open two-stem U-Net in every profile it runs in.

Amplitude only, mixture phase. `live` streams the vocals network exactly and has no look-ahead.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dsp.errors import UnknownProfileError
from dsp.networks.model_card import ModelCard, load_card
from dsp.networks.rocknet_live import LIVE, RocknetLive
from dsp.networks.rocknet_packed import PackedUNet, pack
from dsp.networks.rocknet_weights import load_rocknet_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.unet_weights import UNetWeights
    from dsp.separator import Profile, Separator

NAME = "rocknet"
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (LIVE,)}


class Rocknet:
    """The model, with its weights loaded; those of a profile are packed on first use.

    Thread-safe; separators share the weights. Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        self._vocals: UNetWeights = load_rocknet_weights("vocals")
        self._packed: PackedUNet | None = None
        self._lock = threading.Lock()

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        if profile_name not in self.profiles:
            known = ", ".join(self.profiles)
            raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")
        return RocknetLive(self._packed_vocals())

    def _packed_vocals(self) -> PackedUNet:
        with self._lock:
            if self._packed is None:
                self._packed = pack(self._vocals)
            return self._packed
