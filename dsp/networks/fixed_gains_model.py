"""The diagnostic model as the registry knows it: no weights, every profile."""

from __future__ import annotations

from dsp.errors import UnknownProfileError
from dsp.networks.fixed_gains import PROFILES, FixedGainsSeparator
from dsp.networks.model_card import ModelCard, load_card
from dsp.separator import Separator

__all__ = ["NAME", "PROFILES", "FixedGains"]

NAME = "fixed-gains"


class FixedGains:
    """A model whose stems are fixed parts of the dry signal; for tests of alignment and latency."""

    def __init__(self) -> None:
        self.name = NAME
        self.card: ModelCard = load_card(NAME)
        self.stems = self.card.stems
        self.profiles = PROFILES

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; UnknownProfileError names the profiles there are."""
        if profile_name not in self.profiles:
            known = ", ".join(self.profiles)
            raise UnknownProfileError(f"{NAME} has no profile {profile_name!r}; there are: {known}")
        return FixedGainsSeparator(self.profiles[profile_name])
