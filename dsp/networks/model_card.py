"""Model cards: what a model is, where its weights come from, and how well it does.

A card is a JSON file beside the code, the single place where hashes, credit and licence stand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CARD_PACKAGE = "dsp.networks.weights"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One network's checkpoint as published, and the tensors that we make of it."""

    stem: str
    checkpoint: str  # path within the package that carries it
    checkpoint_sha256: str
    tensors_sha256: str  # of the converted tensors, see rocknet_weights.tensors_sha256


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The contents of one card; every field must be in the file, and no other."""

    name: str
    summary: str
    architecture: str
    rate_hz: int
    stems: tuple[str, ...]  # as heard by the user, the remainder included
    package: str  # the distribution that carries the weights, pinned: "name==version"
    source: str
    licence: str
    credit: tuple[str, ...]
    training_data: str
    training: str  # budget and curve
    limits: str
    weights: tuple[WeightsFile, ...]
    settings: Mapping[str, Mapping[str, float]]  # profile -> choice that its quality rests on
    metrics: Mapping[str, Mapping[str, float]]  # profile -> figure -> value

    def weights_for(self, stem: str) -> WeightsFile:
        """Return the weights that estimate a stem; LookupError names those there are."""
        for file in self.weights:
            if file.stem == stem:
                return file
        known = ", ".join(file.stem for file in self.weights)
        raise LookupError(f"{self.name} has no weights for {stem!r}; there are: {known}")


def load_card(name: str) -> ModelCard:
    """Read the card of a bundled model; FileNotFoundError if there is none of that name."""
    text = resources.files(CARD_PACKAGE).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return parse_card(text)


def parse_card(text: str) -> ModelCard:
    """Parse a card; ValueError names the field that is missing, unknown or of the wrong kind."""
    document: Any = json.loads(text)
    _check_names(document, ModelCard, "model card")
    for entry in document["weights"]:
        _check_names(entry, WeightsFile, "weights of a model card")
    lists = {key: tuple(_strings(document[key], key)) for key in ("stems", "credit")}
    weights = tuple(WeightsFile(**entry) for entry in document["weights"])
    return ModelCard(**{**document, **lists, "weights": weights})


def _check_names(document: Any, kind: type[ModelCard | WeightsFile], what: str) -> None:
    if not isinstance(document, dict):
        raise ValueError(f"{what}: a JSON object is expected, not {type(document).__name__}")  # noqa: TRY004
    expected = {field.name for field in fields(kind)}
    if wrong := expected.symmetric_difference(document):
        raise ValueError(f"{what}: fields missing or unknown: {', '.join(sorted(wrong))}")


def _strings(value: Any, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"model card: {key} must be a list of strings")
    return value
