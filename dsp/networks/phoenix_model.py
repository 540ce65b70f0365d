"""Phoenix as the registry knows it: weights trained here, bundled, checked against the card.

`live` streams the joined network in the arithmetic that suits this processor: with the large
products in eight bits where it has AMX or VNNI, and deep levels twice as often in a part of the
time that this saves. `live-float32` is the same network in 32 bits on every machine; elsewhere the
two are one. `live-light` is its trunk under a head of its own, for a quarter of the time,
`live-short` the same network as `live` at half its hop and latency. `studio` and `offline` are the
U-Net by itself, with some of the future or all of it.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dsp.errors import UnknownProfileError
from dsp.networks import unet_offline, unet_studio
from dsp.networks.bundled_weights import load_bundled
from dsp.networks.joined_step import (
    GRID,
    QUICK_GRID,
    QUICK_SHORT_GRID,
    SHORT_GRID,
    JoinedStep,
    pack,
)
from dsp.networks.linear import LinearKind
from dsp.networks.live_network import (
    LIVE,
    LIVE_FLOAT32,
    LIVE_LIGHT,
    LIVE_SHORT,
    LiveNetwork,
    hops_per_step,
)
from dsp.networks.model_card import load_card
from dsp.networks.phoenix_shape import HOPS_PER_STEP, TrunkConfig
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.products import has_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dsp.networks.joined_step import PackedJoined
    from dsp.networks.model_card import ModelCard
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.unet_weights import UNetWeights
    from dsp.separator import FloatArray, Profile, Separator

NAME = "phoenix"


_PROFILES = (
    LIVE,
    LIVE_FLOAT32,
    LIVE_LIGHT,
    LIVE_SHORT,
    unet_studio.PROFILE,
    unet_offline.PROFILE,
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _PROFILES}


class Phoenix:
    """The model with its weights packed, which all streams share: only their states differ.

    Other forms of `live` are packed when a stream first needs them, and torch is imported when one
    looks into the future. Thread-safe. Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        self._file = self.card.weights_for("vocals")
        self._packed = load_bundled(self._file, pack_for_live)
        self._others: dict[str, PackedJoined] = {}
        self._unet: UNetWeights | None = None
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(2, thread_name_prefix=NAME)

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        match profile_name:
            case "live":
                return LiveNetwork(JoinedStep(self._packed))
            case "live-float32":
                packed = self._packed
                if has_bytes():
                    packed = self._packed_as(profile_name, _pack_in_floats)
                return LiveNetwork(JoinedStep(packed), LIVE_FLOAT32)
            case "live-light":
                return LiveNetwork(PhoenixStep(self._packed.light), LIVE_LIGHT)
            case "live-short":
                packed = self._packed_as(profile_name, _pack_short)
                return LiveNetwork(JoinedStep(packed), LIVE_SHORT)
            case "studio":
                return unet_studio.make_studio_unet(self._unet_weights())
            case "offline":
                return unet_offline.OfflineUNet(self._executor, self._unet_weights())
        known = ", ".join(self.profiles)
        raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")

    def _packed_as(
        self, profile_name: str, make: Callable[[Mapping[str, FloatArray]], PackedJoined]
    ) -> PackedJoined:
        with self._lock:
            if profile_name not in self._others:
                self._others[profile_name] = load_bundled(self._file, make)
            return self._others[profile_name]

    def _unet_weights(self) -> UNetWeights:
        from dsp.networks.bundled_networks import load_unet  # noqa: PLC0415 -- torch takes seconds

        with self._lock:
            if self._unet is None:
                self._unet = load_unet(self._file)
            return self._unet


def pack_for_live(
    arrays: Mapping[str, FloatArray],
    hops_per_step: int = HOPS_PER_STEP,
    quick: HopGrid = QUICK_GRID,
    usual: HopGrid = GRID,
) -> PackedJoined:
    """Arrange the network's arrays for the products that this processor is quickest at.

    Where it has eight bits, the ``quick`` grid, on which deep levels run more often.
    """
    if has_bytes():
        return pack(arrays, TrunkConfig(), hops_per_step, LinearKind.EIGHT_BITS, quick)
    return pack(arrays, TrunkConfig(), hops_per_step, grid=usual)


def _pack_short(arrays: Mapping[str, FloatArray]) -> PackedJoined:
    hops = hops_per_step(LIVE_SHORT)
    return pack_for_live(arrays, hops, QUICK_SHORT_GRID, SHORT_GRID)


def _pack_in_floats(arrays: Mapping[str, FloatArray]) -> PackedJoined:
    return pack(arrays, TrunkConfig(), HOPS_PER_STEP)
