"""The command line: quick help, one-line errors, and what models and doctor say."""

import json
import subprocess
import sys

import pytest

from dsp.networks.registry import load_model
from server import commands
from server.commands import COMMANDS, doctor, main, serve
from server.errors import ConfigError


def run_isolated(*arguments, prelude="pass"):
    code = f"{prelude}; import sys; from server.commands import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_imports_nothing_heavy():
    prelude = (
        "import atexit, sys; atexit.register(lambda: print('heavy', "
        "{'torch', 'numpy', 'zmq', 'numba'} & set(sys.modules)))"
    )
    result = run_isolated("--help", prelude=prelude)
    assert result.returncode == 0
    assert all(name in result.stdout for name in COMMANDS)
    assert "heavy set()" in result.stdout


def test_version_is_the_packages():
    result = run_isolated("--version")
    assert result.stdout.startswith("phoenix-stems 0.")


def test_no_command_is_an_error_that_names_them(capsys):
    with pytest.raises(SystemExit) as error:
        main([])
    assert error.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_an_unknown_command_is_an_error_that_names_them(capsys):
    with pytest.raises(SystemExit) as error:
        main(["sing"])
    assert error.value.code == 2
    assert "serve" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["serve", "models", "doctor"])
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as error:
        main([name, "--help"])
    assert error.value.code == 0
    assert "usage: phoenix-stems " + name in capsys.readouterr().out


def test_serve_has_an_option_for_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for option in ("--bind", "--threads", "--limits-streams", "--queues-catch-up-ms"):
        assert option in text
    assert "PHOENIX_STEMS_LIMITS_STREAMS" in text


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ConfigError("threads = 0: 1 to 256 allowed"), 1, "error: threads = 0: 1 to 256 allowed"),
        (FileNotFoundError(2, "No such file or directory", "x.wav"), 1, "x.wav"),
        (ModuleNotFoundError("No module named 'jack'"), 1, "'jack'; install it"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(monkeypatch, capsys, error, code, text):
    def fail(_arguments):
        raise error

    monkeypatch.setattr(serve, "run", fail)
    assert main(["serve"]) == code
    err = capsys.readouterr().err
    assert text in err
    assert err.count("\n") <= 1


def test_a_bug_is_not_dressed_up_as_a_user_error(monkeypatch):
    def fail(_arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(serve, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["serve"])


def test_a_missing_dependency_breaks_only_its_own_command(monkeypatch, capsys):
    def no_module(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(commands, "import_module", no_module)
    assert main(["live"]) == 1
    assert "install it" in capsys.readouterr().err


def test_models_lists_stems_and_latency(tmp_path, capsys):
    assert main(["models", "--json", str(tmp_path / "models.json")]) == 0
    text = capsys.readouterr().out
    assert "rocknet" in text
    assert "23.2 ms" in text
    models = {model["name"]: model for model in json.loads((tmp_path / "models.json").read_text())}
    live = models["fixed-gains"]["profiles"]["live"]
    assert live["algorithmic_latency_samples"] == 1024
    assert models["fixed-gains"]["stems"] == ["vocals", "drums", "other"]


def test_doctor_measures_and_writes_its_findings(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "doctor.json"
    arguments = ["--model", "fixed-gains", "--seconds", "1", "--json", str(file)]
    assert main(["doctor", *arguments]) == 0
    text = capsys.readouterr().out
    for name in ("cores", "ipc", "jack", "gpu", "weights", "speed", "latency"):
        assert name in text
    (live,) = json.loads(file.read_text())["performance"]
    assert live["profile"] == "live"
    assert live["realtime_factor"] < 1
    assert 1024 + 256 < live["smallest_latency_samples"] < 8192


def test_doctor_says_when_weights_are_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert main(["doctor", "--model", "nope"]) == 1
    assert "no  weights   " in capsys.readouterr().out


def test_measuring_leaves_a_sane_order_of_figures():
    performance = doctor.measure(load_model("fixed-gains"))
    assert 0 < performance.p50_ms <= performance.p99_ms
    assert performance.hop_ms == pytest.approx(11.61, abs=0.01)
