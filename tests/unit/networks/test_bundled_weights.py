"""Bundled weights of every network trained here: whole, checked, refused when damaged."""

import dataclasses
import hashlib
from importlib import resources

import numpy as np
import pytest
from safetensors.numpy import load, save

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks import bundled_weights
from dsp.networks.bundled_networks import load_cassiopeia, load_phoenix, load_unet
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.registry import load_model
from dsp.networks.stored_weights import from_stored
from dsp.separator import Separator

MODELS = {
    "phoenix": load_phoenix,
    "cassiopeia": load_cassiopeia,
}


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


@pytest.fixture
def file(model):
    return load_card(model).weights_for("vocals")


@pytest.fixture
def content(file):
    return resources.files(CARD_PACKAGE).joinpath(file.checkpoint).read_bytes()


@pytest.fixture
def put(file, tmp_path, monkeypatch):
    """Gives a function that puts bytes in the weights' place, and says what a card would."""
    monkeypatch.setattr(bundled_weights.resources, "files", lambda _: tmp_path)

    def put(content):
        (tmp_path / file.checkpoint).write_bytes(content)
        return dataclasses.replace(file, checkpoint_sha256=hashlib.sha256(content).hexdigest())

    return put


def test_the_network_has_the_bundled_weights(model, file, content):
    state = MODELS[model](file).state_dict()
    for name, value in from_stored(load(content)).items():
        assert np.array_equal(state[name], value), name
    assert len(content) < 25e6


def test_the_unet_by_itself_is_the_one_in_the_network():
    file = load_card("phoenix").weights_for("vocals")
    own, within = load_unet(file).arrays(), load_phoenix(file).unet.weights.arrays()
    assert own.keys() == within.keys()
    assert all(np.array_equal(own[name], within[name]) for name in own)


def test_streams_share_weights_and_no_state(model):
    loaded = load_model(model)
    first, second = loaded.separator("live"), loaded.separator("live")
    assert isinstance(first, Separator)
    assert first._step is not second._step
    rng = np.random.default_rng(1)
    x = (0.1 * rng.standard_normal((2, 20 * 512))).astype(np.float32)
    expected = first.push(x)
    second.push(x[:, ::-1].copy())
    second.reset()
    assert np.array_equal(second.push(x), expected)


@pytest.mark.parametrize(
    ("model", "profile"),
    [("phoenix", "live"), ("phoenix", "live-light"), ("cassiopeia", "live")],
)
def test_silence_stays_silence(model, profile):
    assert not load_model(model).separator(profile).push(np.zeros((2, 5120), np.float32)).any()


def test_missing_weights_say_so(model, file, put):
    with pytest.raises(WeightsMissingError, match=file.checkpoint):
        MODELS[model](file)


def test_other_bytes_than_the_cards_are_refused(model, file, content, put):
    put(content[:-1])
    with pytest.raises(WeightsCorruptError, match=file.checkpoint_sha256):
        MODELS[model](file)


@pytest.mark.parametrize("other", [b"no tensors", save({"x": np.zeros(2)})], ids=["", "other"])
def test_a_file_that_is_no_weights_of_this_network_is_refused(model, put, other):
    with pytest.raises(WeightsCorruptError, match="does not fit"):
        MODELS[model](put(other))
