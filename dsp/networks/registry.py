"""The models there are, by name.

``available_models`` costs nothing; ``load_model`` reads weights, once in a process, so that all
streams share them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dsp.errors import UnknownModelError
from dsp.networks import cassiopeia_model, fixed_gains_model, phoenix_model, rocknet
from dsp.networks.model_card import load_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dsp.networks.model_card import ModelCard
    from dsp.separator import Profile, Separator

DEFAULT_MODEL = phoenix_model.NAME


class Model(Protocol):
    """A model with its weights loaded; thread-safe."""

    @property
    def name(self) -> str:
        """As registered."""
        ...

    @property
    def stems(self) -> tuple[str, ...]:
        """All stems in output order, the remainder last."""
        ...

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """Latency budgets by name."""
        ...

    @property
    def card(self) -> ModelCard:
        """Origin, licence and figures."""
        ...

    def separator(self, profile_name: str) -> Separator:
        """Return a new stream's separator; raises UnknownProfileError."""
        ...


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What is known of a model without its weights."""

    name: str
    summary: str
    stems: tuple[str, ...]
    rate_hz: int
    profiles: Mapping[str, Profile]
    card: ModelCard


@dataclass(frozen=True, slots=True)
class _Entry:
    profiles: Mapping[str, Profile]
    load: Callable[[], Model]


class Registry:
    """Models by name, each loaded once, on first demand."""

    def __init__(self, entries: Mapping[str, _Entry]) -> None:
        self._entries = entries
        self._loaded: dict[str, Model] = {}
        self._lock = threading.Lock()

    def descriptions(self) -> tuple[ModelDescription, ...]:
        """Describe every model, the default one first; no weights are read."""
        return tuple(_describe(name, entry) for name, entry in self._entries.items())

    def load(self, name: str) -> Model:
        """Return a model, loaded; a failed load may be tried again.

        Raises UnknownModelError, WeightsMissingError or WeightsCorruptError.
        """
        if name not in self._entries:
            raise UnknownModelError(f"no model {name!r}; there are: {', '.join(self._entries)}")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._entries[name].load()
            return self._loaded[name]


def _describe(name: str, entry: _Entry) -> ModelDescription:
    card = load_card(name)
    return ModelDescription(name, card.summary, card.stems, card.rate_hz, entry.profiles, card)


_REGISTRY = Registry(
    {
        phoenix_model.NAME: _Entry(phoenix_model.PROFILES, phoenix_model.Phoenix),
        cassiopeia_model.NAME: _Entry(cassiopeia_model.PROFILES, cassiopeia_model.Cassiopeia),
        rocknet.NAME: _Entry(rocknet.PROFILES, rocknet.Rocknet),
        fixed_gains_model.NAME: _Entry(fixed_gains_model.PROFILES, fixed_gains_model.FixedGains),
    }
)


def available_models() -> tuple[ModelDescription, ...]:
    """Describe every model, the default one first; no weights are read."""
    return _REGISTRY.descriptions()


def load_model(name: str = DEFAULT_MODEL) -> Model:
    """Return a model with its weights loaded, shared by the whole process.

    Raises UnknownModelError, WeightsMissingError or WeightsCorruptError.
    """
    return _REGISTRY.load(name)
