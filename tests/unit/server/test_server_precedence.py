"""Every single setting: defaults < file < environment < command line, in whatever combination."""

import argparse
import json
import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.commands import main, serve
from server.config import ServerConfig, build, describe, leaves
from server.config_sources import environment_name, load_config
from server.errors import ConfigError

VALUES = {
    "endpoint": ["tcp://127.0.0.1:5001", "tcp://127.0.0.1:5002", "tcp://127.0.0.1:5003"],
    "encryption": ["always", "auto", "always"],
    "keys": ["/a", "/b", "/c"],
    "model": ["one", "two", "three"],
    "profile": ["one", "two", "three"],
    "device": ["cuda", "cuda", "cuda"],
    "threads": [2, 3, 4],
    "live_threads": [2, 3, 4],
    "metrics": ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"],
    "peer_timeout_s": [1.5, 2.5, 3.5],
    "shutdown_grace_s": [1.5, 2.5, 3.5],
    "parent_pid": [2, 3, 4],
    "idle_exit_s": [1.5, 2.5, 3.5],
    "supervise": ["off", "off", "off"],
    "engine.restarts": [2, 3, 4],
    "engine.stable_s": [1.5, 2.5, 3.5],
    "engine.hang_s": [1.5, 2.5, 3.5],
    "engine.spin_s": [1.5, 2.5, 3.5],
    "limits.streams": [2, 3, 4],
    "limits.streams_per_peer": [2, 3, 4],
    "limits.peers": [2, 3, 4],
    "limits.peer_messages_per_s": [2, 3, 4],
    "limits.messages_per_s": [2, 3, 4],
    "limits.peer_bytes_per_s": [2, 3, 4],
    "limits.bytes_per_s": [2, 3, 4],
    "limits.live_load": [0.25, 0.5, 0.75],
    "queues.catch_up_ms": [1.5, 2.5, 3.5],
    "queues.send_messages": [2, 3, 4],
    "queues.receive_messages": [2, 3, 4],
    "log.level": ["debug", "warning", "error"],
    "log.format": ["json", "json", "json"],
}


def as_toml(values):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def parsed(*arguments):
    """Return the command line's settings by dotted key, None where not given."""
    parser = argparse.ArgumentParser()
    serve.add_parser(parser.add_subparsers())
    given_values = vars(parser.parse_args(["serve", *arguments]))
    return {leaf.key: given_values[leaf.key] for leaf in leaves()}


def option(key):
    return "--" + key.replace(".", "-").replace("_", "-")


def test_the_table_above_has_every_setting():
    assert list(VALUES) == [leaf.key for leaf in leaves()]


def test_every_field_of_the_tree_is_a_setting():
    sections = {key.partition(".")[0] for key in VALUES}
    assert sections == {field.name for field in fields(ServerConfig)}


@pytest.mark.parametrize("key", VALUES)
@given(sources=st.sets(st.integers(0, 2)))
def test_the_last_source_that_names_a_setting_wins(tmp_path_factory, key, sources):
    values = VALUES[key]
    file = tmp_path_factory.mktemp("config") / "server.toml"
    file.write_text(as_toml({key: values[0]} if 0 in sources else {}))
    environment = {environment_name(key): str(values[1])} if 1 in sources else {}
    arguments = parsed(*([option(key), str(values[2])] if 2 in sources else []))
    expected = values[max(sources)] if sources else describe(ServerConfig())[key]
    described = describe(load_config(file, environment, arguments))
    assert described[key] == expected
    rest = {name: value for name, value in described.items() if name != key}
    defaults = describe(ServerConfig())
    assert rest == {name: defaults[name] for name in rest}, "nothing else has changed"


def test_bind_is_another_name_of_the_endpoint():
    assert parsed("--bind", "tcp://127.0.0.1:1")["endpoint"] == "tcp://127.0.0.1:1"


@pytest.mark.parametrize("key", VALUES)
def test_every_setting_is_explained_with_its_environment_variable(key, capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    meaning = next(leaf.meaning for leaf in leaves() if leaf.key == key)
    assert option(key) in text
    assert meaning in text
    assert f"[{environment_name(key)}]" in text


@given(picks=st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 2)))
def test_the_printed_configuration_gives_the_same_again(picks):
    config = build({key: VALUES[key][index] for key, index in picks.items()})
    tree = tomllib.loads(as_toml(describe(config)))
    flat = {
        f"{key}.{name}" if isinstance(value, dict) else key: inner
        for key, value in tree.items()
        for name, inner in (value.items() if isinstance(value, dict) else [("", value)])
    }
    assert build(flat) == config


def test_print_config_shows_all_settings_and_starts_nothing(monkeypatch, capsys):
    monkeypatch.setattr(serve, "_serve", lambda _config: pytest.fail("it started"))
    monkeypatch.setenv("PHOENIX_STEMS_THREADS", "3")
    assert main(["serve", "--limits-streams", "5", "--print-config"]) == 0
    text = capsys.readouterr().out
    lines = dict(line.split(" = ", 1) for line in text.splitlines())
    assert tomllib.loads(text)["model"] == "phoenix", "it can be read as a file again"
    assert list(lines) == list(VALUES)
    assert (lines["threads"], lines["limits.streams"]) == ("3", "5")


@pytest.mark.parametrize("key", [leaf.key for leaf in leaves() if leaf.type is not str])
@pytest.mark.parametrize("text", ["", "many", "1,5", "nan"])
def test_a_number_that_is_none_is_refused_by_its_variables_name(key, text):
    name = environment_name(key)
    with pytest.raises(ConfigError, match=f"{name} = '{text}'"):
        load_config(None, {name: text}, {})


@pytest.mark.parametrize("key", [leaf.key for leaf in leaves() if leaf.type is not str])
@pytest.mark.parametrize("value", [-1, 2**40])
def test_every_number_has_a_range_that_is_named(key, value):
    with pytest.raises(ConfigError) as error:
        build({key: value})
    assert str(error.value).startswith(f"{key} = {value}: ")
    assert str(error.value).endswith("allowed")


def test_other_variables_are_none_of_our_business():
    environment = {"PHOENIX_STEMS_COLOUR": "red", "THREADS": "7", "phoenix_stems_threads": "7"}
    assert load_config(None, environment, {}) == ServerConfig()


def test_a_command_line_that_cannot_be_read_is_refused_with_its_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["serve", "--threads", "many"])
    assert stop.value.code == 2
    assert "--threads" in capsys.readouterr().err


def test_a_value_out_of_range_is_one_line(capsys):
    assert main(["serve", "--threads", "0"]) == 1
    assert capsys.readouterr().err == "phoenix-stems: error: threads = 0: 1 to 256 allowed\n"
