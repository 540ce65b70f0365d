"""Phoenix's bundled weights: whole, checked, shared by all streams, refused when damaged."""

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from dsp.errors import UnknownProfileError, WeightsCorruptError, WeightsMissingError
from dsp.networks import bundled_weights, phoenix_model
from dsp.networks.joined_step import QUICK_GRID, JoinedStep, pack
from dsp.networks.model_card import CARD_PACKAGE, load_card
from dsp.networks.phoenix import PhoenixLive
from dsp.networks.phoenix_model import Phoenix, load_network
from dsp.networks.quantised_linear import has_quantised
from dsp.networks.registry import load_model
from dsp.networks.stored_weights import from_stored
from dsp.separator import Separator

FILE = load_card("phoenix").weights_for("vocals")
BUNDLED = resources.files(CARD_PACKAGE).joinpath(FILE.checkpoint).read_bytes()


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """Gives a function that puts a file in the weights' place, and its card."""
    monkeypatch.setattr(bundled_weights.resources, "files", lambda _: tmp_path)

    def put(content):
        (tmp_path / FILE.checkpoint).write_bytes(content)
        return dataclasses.replace(FILE, checkpoint_sha256=hashlib.sha256(content).hexdigest())

    return put


def test_the_network_has_the_bundled_weights():
    network = load_network(FILE)
    for name, value in from_stored(load(BUNDLED)).items():
        assert torch.equal(network.state_dict()[name], value), name
    assert len(BUNDLED) < 25e6


def test_streams_share_weights_and_no_state():
    model = load_model("phoenix")
    first, second = model.separator("live"), model.separator("live")
    assert isinstance(first, Separator)
    assert first._step is not second._step
    rng = np.random.default_rng(1)
    x = (0.1 * rng.standard_normal((2, 20 * 512))).astype(np.float32)
    expected = first.push(x)
    second.push(x[:, ::-1].copy())
    second.reset()
    assert np.array_equal(second.push(x), expected)


@pytest.mark.parametrize("profile", ["live", "live-float32", "live-light", "studio", "offline"])
def test_every_profile_is_a_separator_of_its_own(profile):
    model = load_model("phoenix")
    first, second = model.separator(profile), model.separator(profile)
    assert isinstance(first, Separator)
    assert first is not second
    assert first.profile == model.profiles[profile]


@pytest.mark.parametrize("profile", ["live", "live-light"])
def test_streams_on_threads_of_their_own_give_what_they_give_alone(profile):
    model = load_model("phoenix")
    x = noise(64)
    expected = model.separator(profile).push(x)
    separators = [model.separator(profile) for _ in range(3)]
    hops = np.split(x, 64, axis=1)
    with ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(lambda s: [s.push(hop) for hop in hops], separators))
    for stems in heard:
        assert np.array_equal(np.concatenate(stems, axis=-1), expected)


def noise(hops):
    rng = np.random.default_rng(2)
    return (0.1 * rng.standard_normal((2, hops * 512))).astype(np.float32)


@pytest.mark.skipif(not has_quantised(), reason="no AVX512-VNNI here, or no oneDNN")
def test_where_the_processor_has_eight_bits_live_uses_them_and_is_near_the_same_in_32():
    live = Phoenix().separator("live")
    assert live._step._unet.grid == QUICK_GRID
    exact = PhoenixLive(JoinedStep(pack(load_network(FILE), grid=QUICK_GRID))).push(noise(60))
    error = live.push(noise(60)) - exact
    # Of noise hardly anything is taken for a voice, so what is rounded counts for more.
    assert 0 < np.square(error).sum() < 0.1 * np.square(exact).sum()


@pytest.mark.skipif(not has_quantised(), reason="no AVX512-VNNI here, or no oneDNN")
def test_weights_in_32_bits_are_packed_when_a_stream_first_needs_them_and_then_shared():
    model = Phoenix()
    assert model._packed_float32 is None
    first, second = (model.separator("live-float32") for _ in range(2))
    assert first._step._trunk._levels[-1].packed is second._step._trunk._levels[-1].packed
    assert first._step is not second._step


@pytest.mark.parametrize("is_quantised", [False, True])
def test_live_float32_is_the_network_in_32_bits_on_every_processor(monkeypatch, is_quantised):
    if is_quantised and not has_quantised():
        pytest.skip("no AVX512-VNNI here, or no oneDNN")
    monkeypatch.setattr(phoenix_model, "has_quantised", lambda: is_quantised)
    model = Phoenix()
    expected = PhoenixLive(JoinedStep(pack(load_network(FILE)))).push(noise(40))
    assert np.array_equal(model.separator("live-float32").push(noise(40)), expected)
    assert np.array_equal(model.separator("live").push(noise(40)), expected) != is_quantised


def test_light_streams_use_the_weights_that_live_ones_have_in_memory():
    model = load_model("phoenix")
    live, light = model.separator("live"), model.separator("live-light")
    assert light._step._trunk._levels[0].packed is live._step._trunk._levels[0].packed
    assert not np.array_equal(light.push(noise(20)), live.push(noise(20)))


@pytest.mark.parametrize("profile", ["live", "live-light"])
def test_silence_stays_silence(profile):
    assert not load_model("phoenix").separator(profile).push(np.zeros((2, 5120), np.float32)).any()


def test_a_profile_it_lacks_names_those_there_are():
    every = ", ".join(phoenix_model.PROFILES)
    with pytest.raises(UnknownProfileError, match=f"there are: {every}"):
        Phoenix().separator("extreme")


def test_missing_weights_say_so(bundled):
    with pytest.raises(WeightsMissingError, match=FILE.checkpoint):
        load_network(FILE)


def test_other_bytes_than_the_cards_are_refused(bundled):
    bundled(BUNDLED[:-1])
    with pytest.raises(WeightsCorruptError, match=FILE.checkpoint_sha256):
        load_network(FILE)


@pytest.mark.parametrize("content", [b"no tensors", save({"x": torch.zeros(2)})], ids=["", "other"])
def test_a_file_that_is_no_weights_of_this_network_is_refused(bundled, content):
    with pytest.raises(WeightsCorruptError, match="does not fit"):
        load_network(bundled(content))
