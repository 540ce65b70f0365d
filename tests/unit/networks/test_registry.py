"""The registry: cheap to list, loads once, names what there is."""

import threading
import time

import pytest

from dsp.errors import UnknownModelError, UnknownProfileError, WeightsMissingError
from dsp.networks import registry as module
from dsp.networks.live_network import LIVE_FLOAT32, LIVE_LIGHT, LIVE_SHORT
from dsp.networks.registry import DEFAULT_MODEL, Registry, available_models, load_model
from dsp.separator import Separator


def test_models_are_listed_without_reading_weights(monkeypatch):
    monkeypatch.setattr("dsp.networks.rocknet_weights.load_rocknet_weights", pytest.fail)
    monkeypatch.setattr("dsp.networks.phoenix_model.load_bundled", pytest.fail)
    monkeypatch.setattr("dsp.networks.bundled_networks.load_bundled", pytest.fail)
    names = [description.name for description in available_models()]
    assert names == ["phoenix", "cassiopeia", "rocknet", "fixed-gains"]
    assert names[0] == DEFAULT_MODEL


def test_descriptions_tell_stems_rate_and_latency():
    phoenix, cassiopeia, rocknet, fixed = available_models()
    assert phoenix.stems == cassiopeia.stems == rocknet.stems
    assert rocknet.stems == ("vocals", "instrumental")
    assert rocknet.rate_hz == 44_100
    assert rocknet.profiles["live"].algorithmic_latency_samples == 1024
    assert fixed.stems == ("vocals", "drums", "other")


def test_the_test_model_offers_every_profile_but_other_forms_of_live():
    *models, fixed = available_models()
    offered = set().union(*(model.profiles for model in models))
    other_forms = {form.name for form in (LIVE_FLOAT32, LIVE_LIGHT, LIVE_SHORT)}
    assert offered - other_forms == set(fixed.profiles)


def test_unknown_model_names_those_there_are():
    with pytest.raises(UnknownModelError, match="phoenix, cassiopeia, rocknet, fixed-gains"):
        load_model("kazoo")


@pytest.mark.parametrize("profile", ["live", "studio", "offline"])
def test_fixed_gains_gives_a_separator_of_every_profile(profile):
    model = load_model("fixed-gains")
    separator = model.separator(profile)
    assert isinstance(separator, Separator)
    assert separator.profile is model.profiles[profile]
    assert set(separator.stems) < set(model.stems)
    assert model.separator(profile) is not separator


def test_unknown_profile_names_those_there_are():
    with pytest.raises(UnknownProfileError, match="live, studio, offline"):
        load_model("fixed-gains").separator("kazoo")


def entry(load):
    return module._Entry({}, load)


def test_threads_share_one_load():
    loads = []

    def load():
        time.sleep(0.02)
        loads.append(object())
        return loads[-1]

    registry = Registry({"slow": entry(load)})
    got = []
    threads = [threading.Thread(target=lambda: got.append(registry.load("slow"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert all(model is loads[0] for model in got)


def test_failed_load_may_be_tried_again():
    results = iter([WeightsMissingError("not yet"), "model"])

    def load():
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    registry = Registry({"late": entry(load)})
    with pytest.raises(WeightsMissingError):
        registry.load("late")
    assert registry.load("late") == "model"
