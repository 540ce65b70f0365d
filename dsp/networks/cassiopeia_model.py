"""Cassiopeia as the registry knows it: weights trained here, bundled, checked against the card.

Complex-valued, one second of context, dense: every level at every hop. That is 380 million products
a hop: where the processor has AMX or VNNI the large ones are computed in eight bits. In 32 bits it
takes longer than its hop on the processors seen so far, and a server then refuses it live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.errors import UnknownProfileError
from dsp.networks.linear import LinearKind
from dsp.networks.live_network import LIVE, LiveNetwork
from dsp.networks.model_card import load_card
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.products import has_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.model_card import ModelCard
    from dsp.separator import Profile, Separator

NAME = "cassiopeia"
PROFILES: Mapping[str, Profile] = {LIVE.name: LIVE}


class Cassiopeia:
    """The model with its weights packed, which all streams share: only their states differ.

    Thread-safe. Raises WeightsMissingError or WeightsCorruptError.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES
        # Complex weights are spread out to real ones by torch, whose import takes seconds.
        from dsp.networks.bundled_networks import load_cassiopeia  # noqa: PLC0415
        from dsp.networks.packing import pack_phoenix  # noqa: PLC0415

        kind = LinearKind.EIGHT_BITS if has_bytes() else LinearKind.FLOAT32
        self._packed = pack_phoenix(load_cassiopeia(self.card.weights_for("vocals")), kind)

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        if profile_name not in self.profiles:
            known = ", ".join(self.profiles)
            raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")
        return LiveNetwork(PhoenixStep(self._packed, is_complex=True))
