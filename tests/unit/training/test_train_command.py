"""``phoenix-stems train``: one-line errors, and a run on the user's own songs."""

import hashlib

import pytest
import torch
from safetensors.torch import load_file
from test_training_session import FULL_SIZE

from dsp.networks.unet_weights import untrained_weights
from dsp.training import session
from dsp.training.checkpoint import mean_weights
from dsp.training.teacher import Teacher
from server.commands import main


def test_a_configuration_is_required(capsys):
    with pytest.raises(SystemExit) as error:
        main(["train"])
    assert error.value.code == 2
    assert "--config" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line(tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text('folder = "x"\nsped = 3\n')
    assert main(["train", "--config", str(config)]) == 1
    assert "sped: unknown setting" in capsys.readouterr().err


def test_it_trains_on_songs_of_your_own(song_folder, tmp_path, monkeypatch, capsys):
    weights = untrained_weights(FULL_SIZE, seed=1)
    monkeypatch.setattr(session, "load_rocknet_weights", lambda _: weights)
    monkeypatch.setattr(session, "_rocknet_live", lambda mixture: 0.0 * mixture)
    monkeypatch.setattr(Teacher, "load", classmethod(lambda cls: cls(weights, weights)))
    config = tmp_path / "run.toml"
    config.write_text(
        f'folder = "{tmp_path / "run"}"\n'
        f'[data]\nfolders = ["{song_folder}"]\ncache = "{tmp_path / "cache"}"\n'
        "[draw]\nseconds = 0.3\n[optimiser]\nbatch = 1\nsteps = 1\n"
    )
    assert main(["train", "--config", str(config)]) == 0
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
    exported = tmp_path / "weights.safetensors"
    capsys.readouterr()
    assert main(["train", "--config", str(config), "--export", str(exported)]) == 0
    assert hashlib.sha256(exported.read_bytes()).hexdigest() in capsys.readouterr().out
    mean = mean_weights(tmp_path / "run" / "checkpoint.pt")
    written = load_file(exported)
    assert written.keys() == mean.keys()
    for name, value in mean.items():
        assert torch.equal(written[name], value.half())
    best = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    best["mean"] = {name: value + 1.0 for name, value in best["mean"].items()}
    torch.save(best, tmp_path / "run" / "best.pt")
    assert main(["train", "--config", str(config), "--export", str(exported)]) == 0
    written = load_file(exported)
    for name, value in best["mean"].items():
        assert torch.equal(written[name], value.half()), "what did best goes before what is newest"


def test_nothing_trained_yet_is_nothing_to_export(tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(
        f'folder = "{tmp_path / "run"}"\n[data]\nfolders = ["{tmp_path}"]\ncache = "x"\n'
    )
    assert main(["train", "--config", str(config), "--export", str(tmp_path / "w")]) == 1
    assert "checkpoint.pt is not there; train first" in capsys.readouterr().err
