"""A run put together from a configuration, on two songs of the user's own."""

from dataclasses import replace

import pytest
import torch
from safetensors.numpy import save_file

from dsp.networks.complex_layers import parts_of
from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import PhoenixConfig
from dsp.networks.stored_weights import to_stored
from dsp.networks.unet_weights import untrained_weights
from dsp.training import session
from dsp.training.config import (
    CassiopeiaConfig,
    DataConfig,
    DrawConfig,
    JoinedConfig,
    LossConfig,
    OptimiserConfig,
    RunConfig,
)
from dsp.training.errors import EvaluationDataError, TrainingConfigError
from dsp.training.teacher import Teacher

FULL_SIZE = (16, 32, 64, 128, 256, 512)


@pytest.fixture(autouse=True)
def untrained_teacher(monkeypatch):
    """The published weights may not be on this machine; any of their shape will do."""
    weights = untrained_weights(FULL_SIZE, seed=1)
    monkeypatch.setattr(session, "load_rocknet_weights", lambda _: weights)
    monkeypatch.setattr(session, "_rocknet_live", lambda mixture: 0.0 * mixture)
    monkeypatch.setattr(Teacher, "load", classmethod(lambda cls: cls(weights, weights)))


@pytest.fixture
def config(song_folder, tmp_path):
    return RunConfig(
        folder=str(tmp_path / "run"),
        data=DataConfig(
            folders=(str(song_folder),),
            cache=str(tmp_path / "cache"),
            held_out=("second",),
            validated=("second",),
            validated_seconds=0.5,
        ),
        draw=DrawConfig(seconds=0.3),
        optimiser=OptimiserConfig(batch=1, steps=2),
    )


def test_a_run_trains_validates_and_goes_on(config):
    session.start(config).run()
    again = session.start(config)
    assert again.progress.step == 2
    assert again.progress.best_usdr_db > -100.0


def test_songs_kept_aside_are_validated_and_not_trained_on(config):
    loop = session.start(config)
    assert [song.name for song in loop._songs] == ["second"]
    trained = [song.name for pool in loop._mixer._library.songs.values() for song in pool]
    assert trained == ["first"]


def test_evaluations_audio_is_refused(config, song_folder):
    reserved = song_folder.rename(song_folder.with_name("validation"))
    data = replace(config.data, folders=(str(reserved),))
    with pytest.raises(EvaluationDataError):
        session.start(replace(config, data=data))


def test_an_unknown_network_is_refused(config):
    with pytest.raises(TrainingConfigError, match="there are: phoenix, joined, cassiopeia"):
        session.make_task(replace(config, network="rocknet"))


def saved(network):
    return {name: values.numpy() for name, values in network.state_dict().items()}


def test_the_joined_network_starts_from_both(config, tmp_path):
    phoenix = PhoenixNetwork(PhoenixConfig())
    save_file(to_stored(saved(phoenix)), tmp_path / "phoenix.safetensors")
    joined = JoinedConfig(phoenix=str(tmp_path / "phoenix.safetensors"))
    network = session.make_task(replace(config, network="joined", joined=joined)).network
    unet = session.load_rocknet_weights("vocals")
    assert torch.equal(network.unet.weights.mask_weight, unet.mask_weight)
    weight = phoenix.trunk.mask.weight
    torch.testing.assert_close(network.trunk.mask.weight, weight, rtol=1e-3, atol=1e-4)


def test_a_phoenix_that_is_not_there_is_told(config):
    joined = JoinedConfig(phoenix="nowhere.safetensors")
    with pytest.raises(TrainingConfigError, match="nowhere"):
        session.make_task(replace(config, network="joined", joined=joined))


def test_hints_are_one_setting(config):
    mixtures = torch.randn(1, 2, 1024 * 40)
    hinted = session.make_task(replace(config, loss=LossConfig(hints_share=0.5)))
    plain = session.make_task(config)
    assert hinted.losses(mixtures, mixtures).beside_db.item() != 0.0
    assert plain.losses(mixtures, mixtures).beside_db.item() == 0.0


def test_cassiopeia_starts_from_the_joined_networks_trunk(config, tmp_path):
    joined = JoinedNetwork(untrained_weights(FULL_SIZE), PhoenixConfig())
    save_file(to_stored(saved(joined)), tmp_path / "joined.safetensors")
    start = CassiopeiaConfig(joined=str(tmp_path / "joined.safetensors"))
    network = session.make_task(replace(config, network="cassiopeia", cassiopeia=start)).network
    real = parts_of(network.trunk.stack[1].down)[:, 0]
    assert torch.allclose(real, joined.trunk.stack[1].down.weight, atol=1e-3)
    from_noise = session.make_task(replace(config, network="cassiopeia")).network
    assert not torch.allclose(parts_of(from_noise.trunk.stack[1].down)[:, 0], real, atol=1e-3)
    nowhere = CassiopeiaConfig(joined="nowhere.safetensors")
    with pytest.raises(TrainingConfigError, match=r"nowhere\.safetensors"):
        session.make_task(replace(config, network="cassiopeia", cassiopeia=nowhere))
