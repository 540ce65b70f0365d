"""Cassiopeia's bundled weights: whole, checked, shared by all streams, refused when damaged."""

import dataclasses
import hashlib
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from dsp.errors import UnknownProfileError, WeightsCorruptError, WeightsMissingError
from dsp.networks import bundled_weights
from dsp.networks.cassiopeia_model import Cassiopeia, load_network
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.registry import load_model
from dsp.networks.stored_weights import from_stored
from dsp.separator import Separator

FILE = load_card("cassiopeia").weights_for("vocals")
BUNDLED = resources.files(CARD_PACKAGE).joinpath(FILE.checkpoint).read_bytes()


def noise(hops):
    rng = np.random.default_rng(2)
    return (0.1 * rng.standard_normal((2, hops * 512))).astype(np.float32)


def test_the_network_has_the_bundled_weights():
    network = load_network(FILE)
    for name, value in from_stored(load(BUNDLED)).items():
        assert torch.equal(network.state_dict()[name], value), name
    assert len(BUNDLED) < 25e6


def test_streams_share_weights_and_no_state():
    model = load_model("cassiopeia")
    first, second = model.separator("live"), model.separator("live")
    assert isinstance(first, Separator)
    assert first._step is not second._step
    expected = first.push(noise(20))
    second.push(noise(20)[:, ::-1].copy())
    second.reset()
    assert np.array_equal(second.push(noise(20)), expected)


def test_live_is_all_it_has_and_has_the_latency_of_phoenix():
    model = load_model("cassiopeia")
    assert dict(model.profiles) == {"live": load_model("phoenix").profiles["live"]}
    with pytest.raises(UnknownProfileError, match="no profile 'studio'; there are: live"):
        Cassiopeia().separator("studio")


def test_silence_stays_silence():
    assert (
        not load_model("cassiopeia").separator("live").push(np.zeros((2, 5120), np.float32)).any()
    )


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """Gives a function that puts a file in the weights' place, and its card."""
    monkeypatch.setattr(bundled_weights.resources, "files", lambda _: tmp_path)

    def put(content):
        (tmp_path / FILE.checkpoint).write_bytes(content)
        return dataclasses.replace(FILE, checkpoint_sha256=hashlib.sha256(content).hexdigest())

    return put


def test_missing_weights_say_so(bundled):
    with pytest.raises(WeightsMissingError, match=FILE.checkpoint):
        load_network(FILE)


def test_other_bytes_than_the_cards_are_refused(bundled):
    bundled(BUNDLED[:-1])
    with pytest.raises(WeightsCorruptError, match=FILE.checkpoint_sha256):
        load_network(FILE)


def test_weights_of_another_network_are_refused(bundled):
    with pytest.raises(WeightsCorruptError, match="does not fit"):
        load_network(bundled(save({"x": torch.zeros(2)})))
