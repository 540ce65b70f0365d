"""``phoenix-stems separate`` from end to end: every format, exact sums, and every way to fail."""

import json
import os
import re
import resource
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge import EmbeddedServer
from plugin_bridge.stem_files import StemFiles
from server.commands import main
from server.commands import separate as command

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "phoenix-stems")
LSB_24_BIT = 2.0**-23
GAINS = {"vocals": 0.5, "drums": 0.25, "other": 0.25}


def uncounted():
    """The environment without what has coverage measured: it could not write its file whole."""
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}


@pytest.fixture(scope="module")
def server():
    with EmbeddedServer(model="fixed-gains", profile="offline") as embedded:
        yield embedded


@pytest.fixture
def separate(server, tmp_path):
    def run(*arguments, model="fixed-gains", limit_bytes=None):
        def limit():
            if limit_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        command = [PROGRAM, "separate", *map(str, arguments), "-o", str(tmp_path / "out")]
        command += ["--connect", server.endpoint, "--model", model]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=limit,
            env=os.environ if limit_bytes is None else uncounted(),
        )

    return run


def noise(frames, channels, amplitude=0.7):
    shape = (frames, channels)
    return np.random.default_rng(frames).uniform(-amplitude, amplitude, shape).astype(np.float32)


def left_behind(directory):
    return sorted(str(path.name) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "kind",
    [
        ("stereo.wav", "PCM_24", 44100, 2),
        ("mono.wav", "FLOAT", 48000, 1),
        ("slow.flac", "PCM_24", 22050, 2),
        ("fast.aiff", "PCM_24", 96000, 2),
    ],
    ids=lambda kind: kind[0],
)
def test_stems_keep_format_rate_and_length_and_sum_to_the_input(separate, tmp_path, kind):
    name, subtype, rate, channels = kind
    dry = noise(rate // 2 + 17, channels)
    soundfile.write(tmp_path / name, dry, rate, subtype)
    done = separate(tmp_path / name)
    assert done.returncode == 0, done.stderr
    dry, _ = soundfile.read(tmp_path / name)
    total = 0
    for stem, gain in GAINS.items():
        path = tmp_path / "out" / Path(name).stem / f"{stem}{Path(name).suffix}"
        info = soundfile.info(path)
        assert (info.samplerate, info.frames) == (rate, len(dry))
        assert (info.channels, info.subtype) == (channels, subtype)
        samples, _ = soundfile.read(path)
        total = total + samples
        middle = slice(2000, -2000)
        if rate == 44100:  # other rates are resampled to the model's and back
            assert np.allclose(
                samples[middle], gain * dry.reshape(samples.shape)[middle], atol=1e-4
            )
    assert np.abs(total - dry).max() <= LSB_24_BIT
    assert len(left_behind(tmp_path / "out")) == 3


def test_lossy_formats_are_read_and_written(separate, tmp_path):
    soundfile.write(tmp_path / "a.ogg", noise(50000, 2, 0.3), 44100, "VORBIS")
    done = separate(tmp_path / "a.ogg", "--stems", "vocals")
    assert done.returncode == 0, done.stderr
    info = soundfile.info(tmp_path / "out" / "a" / "vocals.ogg")
    assert (info.frames, info.subtype) == (50000, "VORBIS")


def test_a_long_vorbis_file_is_written_in_blocks(separate, tmp_path):
    with soundfile.SoundFile(tmp_path / "a.ogg", "w", 44100, 2, "VORBIS") as file:
        for _ in range(60):
            file.write(noise(44100, 2, 0.3))
    done = separate(tmp_path / "a.ogg", "--stems", "vocals")
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "out" / "a" / "vocals.ogg").frames == 60 * 44100


def test_figures_are_written_and_the_mix_may_be_asked_for(separate, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(30000, 2), 44100, "FLOAT")
    done = separate(tmp_path / "a.wav", "--stems", "mix,vocals", "--json", tmp_path / "f.json")
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads((tmp_path / "f.json").read_text())["files"]
    assert set(figures["stems"]) == {"mix", "vocals"}
    assert figures["audio_seconds"] == pytest.approx(30000 / 44100)
    assert figures["clipped_samples"] == figures["replaced_samples"] == 0


def test_floats_beyond_full_scale_are_kept(separate, tmp_path):
    soundfile.write(tmp_path / "loud.wav", 3 * noise(30000, 2, 1.0), 44100, "FLOAT")
    done = separate(tmp_path / "loud.wav")
    assert "clipped" not in done.stderr
    samples, _ = soundfile.read(tmp_path / "out" / "loud" / "vocals.wav")
    assert np.abs(samples).max() > 1.4


def test_bad_samples_are_told_and_do_not_spread(separate, tmp_path):
    dry = noise(30000, 2)
    dry[15000] = np.nan
    soundfile.write(tmp_path / "nan.wav", dry, 44100, "FLOAT")
    done = separate(tmp_path / "nan.wav")
    assert done.returncode == 0
    assert "2 samples were not finite" in done.stderr
    samples, _ = soundfile.read(tmp_path / "out" / "nan" / "vocals.wav")
    assert np.isfinite(samples).all()


def test_inputs_of_one_name_get_folders_of_their_own(separate, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(9000, 2), 44100)
    soundfile.write(tmp_path / "a.flac", noise(9000, 2), 44100)
    assert separate(tmp_path / "a.wav", tmp_path / "a.flac").returncode == 0
    assert (tmp_path / "out" / "a.wav" / "vocals.wav").exists()
    assert (tmp_path / "out" / "a.flac" / "vocals.flac").exists()


def test_an_empty_file_gives_empty_stems(separate, tmp_path):
    soundfile.write(tmp_path / "empty.wav", noise(0, 2), 44100)
    done = separate(tmp_path / "empty.wav")
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "out" / "empty" / "vocals.wav").frames == 0


def test_a_bad_file_does_not_stop_the_others(separate, tmp_path):
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "six.wav", noise(900, 6), 44100)
    soundfile.write(tmp_path / "good.wav", noise(9000, 2), 44100)
    names = ["missing.wav", "text.wav", "six.wav", "good.wav"]
    done = separate(*(tmp_path / name for name in names))
    assert done.returncode == 1
    assert "missing.wav: no such file" in done.stderr
    assert "text.wav" in done.stderr
    assert "6 channels; mono and stereo are allowed" in done.stderr
    assert (tmp_path / "out" / "good" / "vocals.wav").exists()
    assert len(left_behind(tmp_path / "out")) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stems", "kazoo"], "kazoo.*vocals"),
        (["--profile", "slow"], "slow.*offline"),
        (["--model", "nothing"], "nothing.*fixed-gains"),
    ],
)
def test_what_the_server_refuses_is_told_with_what_is_allowed(separate, tmp_path, arguments, told):
    soundfile.write(tmp_path / "a.wav", noise(9000, 2), 44100)
    model = arguments[1] if arguments[0] == "--model" else "fixed-gains"
    extra = [] if arguments[0] == "--model" else arguments
    done = separate(tmp_path / "a.wav", *extra, model=model)
    assert done.returncode == 1
    assert re.search(told, done.stderr, re.DOTALL), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_no_partial_file(separate, tmp_path):
    """A limit on file sizes fails writes the way a full disk does: in the middle, and for good."""
    soundfile.write(tmp_path / "a.wav", noise(90000, 2), 44100)
    done = separate(tmp_path / "a.wav", limit_bytes=200_000)
    assert done.returncode == 1
    assert "s the disk full?" in done.stderr
    assert left_behind(tmp_path / "out") == []


@pytest.mark.parametrize("end", ["write", "rename"])
def test_whatever_fails_leaves_nothing_behind(server, tmp_path, monkeypatch, capsys, end):
    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    soundfile.write(tmp_path / "a.wav", noise(90000, 2), 44100)
    monkeypatch.setattr(*((StemFiles, "_append") if end == "write" else (os, "replace")), fail)
    arguments = ["separate", str(tmp_path / "a.wav"), "-o", str(tmp_path / "out")]
    assert main([*arguments, "--model", "fixed-gains", "--connect", server.endpoint]) == 1
    assert "No space left" in capsys.readouterr().err
    assert left_behind(tmp_path / "out") == []


def test_a_directory_that_cannot_be_written_is_told(separate, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(9000, 2), 44100)
    (tmp_path / "out").write_text("a file where the folder should go")
    done = separate(tmp_path / "a.wav")
    assert done.returncode == 1
    assert "could not be written" in done.stderr


def test_no_server_is_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(9000, 2), 44100)
    endpoint = f"ipc://{tmp_path}/nobody"
    with pytest.MonkeyPatch.context() as patch:
        real = command.connect
        patch.setattr(command, "connect", lambda *a, **k: real(*a, **k, timeout_s=0.3))
        out = str(tmp_path / "out")
        assert main(["separate", str(tmp_path / "a.wav"), "-o", out, "--connect", endpoint]) == 1


def test_without_an_endpoint_a_server_is_started(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(9000, 2), 44100)
    start = [PROGRAM, "separate", tmp_path / "a.wav", "-o", tmp_path / "out"]
    done = subprocess.run(
        [*start, "--model", "fixed-gains"],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert len(left_behind(tmp_path / "out")) == 3
