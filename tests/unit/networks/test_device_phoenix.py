"""Phoenix on a device: which profiles go there, and what is said where there is no such device."""

import pytest
import torch

from dsp.errors import DeviceMissingError, UnknownProfileError
from dsp.networks.batched_live import SeatStep
from dsp.networks.device_phoenix import DevicePhoenix, check_device
from dsp.networks.registry import load_model

no_gpu_only = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")


@pytest.fixture(scope="module")
def model():
    return DevicePhoenix(load_model("phoenix"), "cpu", seats=1)


def test_it_is_phoenix_by_every_name(model):
    plain = load_model("phoenix")
    assert (model.name, model.stems, model.card) == (plain.name, plain.stems, plain.card)
    assert model.profiles == plain.profiles


@pytest.mark.parametrize("profile", ["live", "live-float32"])
def test_the_whole_network_goes_to_the_device(model, profile):
    separator = model.separator(profile)
    assert separator.profile == model.profiles[profile]
    assert isinstance(separator._step, SeatStep)


def test_other_profiles_stay_on_the_processor(model):
    assert not isinstance(model.separator("live-light")._step, SeatStep)
    with pytest.raises(UnknownProfileError, match="live-light"):
        model.separator("loud")


def test_a_device_that_is_there_is_fine():
    check_device("cpu")


@no_gpu_only
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(DeviceMissingError, match=r"device 'cuda': .*; install a torch"):
        check_device("cuda")
