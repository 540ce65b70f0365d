"""What every command takes and refuses before it does any work."""

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.registry import available_models
from plugin_bridge import BridgeError
from server.commands import COMMANDS, main, separate
from server.commands.live import _gain, _names
from server.commands.separate import _directories

MEASURING = ["separate", "live", "models", "doctor", "bench", "evaluate", "demo"]
REQUIRED = {
    "separate": ["song.wav", "-o", "stems"],
    "evaluate": ["songs"],
    "render": ["--data", "x", "--out", "y"],
    "train": ["--config", "x"],
    "keys": ["show"],
    "relay": ["--to", "tcp://127.0.0.1:1", "--server-key", "x"],
}


def parsed(command, *arguments):
    parser = argparse.ArgumentParser()
    import_module(f"server.commands.{command}").add_parser(parser.add_subparsers())
    return parser.parse_args([command, *REQUIRED.get(command, []), *arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_says_what_it_is(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: phoenix-stems {command}" in text
    assert text.count("--") > 1


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_is_not_there_is_named(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, *REQUIRED.get(command, []), "--colour=red"])
    assert stop.value.code == 2
    assert "--colour=red" in capsys.readouterr().err


@pytest.mark.parametrize("command", MEASURING)
def test_whatever_measures_can_write_its_figures(command, tmp_path):
    file = tmp_path / "figures.json"
    assert parsed(command, "--json", str(file)).json == file
    assert parsed(command).json is None


@pytest.mark.parametrize("command", MEASURING)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(command, tmp_path, capsys):
    file = tmp_path / "missing" / "figures.json"
    with pytest.raises(SystemExit) as stop:
        main([command, *REQUIRED.get(command, []), "--json", str(file)])
    assert stop.value.code == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("separate", [], {"profile": "offline", "model": "", "stems": "", "connect": None}),
        ("live", [], {"profile": "live", "model": "", "seconds": None, "round_trip": None}),
        ("bench", [], {"section": "all", "seconds": 30.0, "model": "phoenix"}),
        ("evaluate", [], {"model": None, "profile": None, "streamed": False, "group": []}),
        ("evaluate", ["--group", "a", "--group", "b"], {"group": ["a", "b"]}),
        ("doctor", [], {"model": "phoenix"}),
        ("demo", [], {"model": ""}),
        ("live", ["--gain", "vocals=-6", "--gain", "drums=1.5"],
         {"gain": [("vocals", -6.0), ("drums", 1.5)]}),
        ("live", ["--mute", "a,b", "--from", "x:1,x:2"],
         {"mute": ("a", "b"), "sources": ("x:1", "x:2"), "sinks": ()}),
    ],
)  # fmt: skip
def test_what_is_not_said_has_the_documented_default(command, arguments, expected):
    values = vars(parsed(command, *arguments))
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize("arguments", [["separate", "song.wav"], ["separate", "-o", "x"]])
def test_separate_needs_input_and_output(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "required" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["vocals", "vocals=", "=", "vocals=loud", "vocals=1=2"])
def test_a_gain_that_is_none_is_refused_with_an_example(text, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["live", "--gain", text])
    assert stop.value.code == 2
    assert "STEM=DB expected, such as vocals=-6" in capsys.readouterr().err


@given(stem=st.text("abc_", min_size=1), gain=st.floats(-120, 24))
def test_a_gain_is_read_as_it_was_written(stem, gain):
    assert _gain(f"{stem}={gain!r}") == (stem, gain)


@given(st.lists(st.text("ab:", min_size=1)))
def test_names_are_a_list_without_empty_ones(names):
    assert _names(",".join(names)) == tuple(names)
    assert _names("," + ",,".join(names) + ",") == tuple(names)


@given(
    folders=st.lists(
        st.tuples(st.sampled_from("xy"), st.sampled_from("ab"), st.sampled_from(["wav", "ogg"])),
        unique_by=lambda item: item[1:],
    )
)
def test_no_two_inputs_of_different_names_share_a_folder(tmp_path_factory, folders):
    output = tmp_path_factory.getbasetemp()
    sources = [output / folder / f"{name}.{ending}" for folder, name, ending in folders]
    places = _directories(sources, output)
    assert [source for source, _ in places] == sources
    assert len({place for _, place in places}) == len(sources)
    assert all(place.parent == output for _, place in places)


SHARING = [
    ["x/a.wav", "y/a.wav"],
    ["a.wav", "a.wav"],
    ["a.wav", "a.ogg", "a.wav.flac"],
]


@pytest.mark.parametrize("sources", SHARING)
def test_inputs_whose_stems_would_replace_each_other_are_refused(monkeypatch, sources, capsys):
    monkeypatch.setattr(separate, "EmbeddedServer", lambda **_: pytest.fail("it started"))
    assert main(["separate", *sources, "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert f"{sources[0]} and {sources[-1]}: the stems of both would go to out/a" in err


@pytest.mark.parametrize(("profile", "threads"), [("offline", 6), ("live", 0), ("live-float32", 0)])
def test_a_server_for_files_computes_on_all_cores_but_not_single_hops(
    monkeypatch, profile, threads
):
    asked = {}

    def start(**arguments):
        asked.update(arguments)
        raise BridgeError("enough")

    monkeypatch.setattr(separate, "EmbeddedServer", start)
    monkeypatch.setattr(separate.os, "cpu_count", lambda: 6)
    assert main(["separate", "a.wav", "-o", "out", "--profile", profile]) == 1
    assert (asked["profile"], asked["threads"]) == (profile, threads)


@pytest.mark.parametrize("model", available_models(), ids=lambda model: model.name)
def test_models_has_a_row_for_every_profile_and_the_same_as_json(model, tmp_path, capsys):
    file = tmp_path / "models.json"
    assert main(["models", "--json", str(file)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    (written,) = [entry for entry in json.loads(file.read_text()) if entry["name"] == model.name]
    assert written["rate_hz"] == model.rate_hz
    assert list(written["profiles"]) == list(model.profiles)
    for name, profile in model.profiles.items():
        milliseconds = 1000 * profile.algorithmic_latency_samples / model.rate_hz
        assert [model.name, name, f"{milliseconds:.1f}", "ms"] in [row[:4] for row in rows]
        figures = written["profiles"][name]
        assert figures["hop_samples"] == profile.hop_samples
        assert figures["lane"] == profile.lane.value
        assert figures["algorithmic_latency_samples"] == profile.algorithmic_latency_samples


def test_a_reader_that_has_gone_is_no_drama():
    """As in ``phoenix-stems models | head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from server.commands import main; sys.exit(main(['models']))"
    try:
        result = subprocess.run(
            [sys.executable, "-c", code],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_bench_for_ever_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--seconds", "inf"])
    assert stop.value.code == 2
    assert "inf seconds" in capsys.readouterr().err
