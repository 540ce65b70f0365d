"""Where settings come from, which wins, and how a wrong one is named."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import LimitsConfig, ServerConfig, build, describe, leaves
from server.config_sources import environment_name, load_config
from server.errors import ConfigError


def load(tmp_path, toml="", environment=None, **arguments):
    file = tmp_path / "server.toml"
    file.write_text(toml)
    return load_config(file, environment or {}, arguments)


def test_defaults_are_valid_and_listen_privately():
    config = load_config(None, {}, {})
    assert config == ServerConfig()
    assert config.endpoint.startswith("ipc:///")
    assert config.metrics == ""


def test_each_source_overrides_the_one_before(tmp_path):
    toml = "threads = 2\npeer_timeout_s = 3\nmodel = 'a'"
    environment = {"PHOENIX_STEMS_THREADS": "3", "PHOENIX_STEMS_MODEL": "b"}
    config = load(tmp_path, toml, environment, threads=4)
    assert (config.threads, config.model, config.peer_timeout_s) == (4, "b", 3.0)


def test_arguments_not_given_override_nothing(tmp_path):
    assert load(tmp_path, "threads = 2", threads=None).threads == 2


def test_sections_are_reachable_from_every_source(tmp_path):
    assert load(tmp_path, "[limits]\nstreams = 3").limits.streams == 3
    environment = {"PHOENIX_STEMS_LIMITS_STREAMS": "4"}
    assert load(tmp_path, "[limits]\nstreams = 3", environment).limits.streams == 4
    values = {"limits.streams": 5}
    assert load_config(None, environment, values).limits == LimitsConfig(streams=5)


WRONG = {
    "threads = 0": ("threads", "0", "1 to 256"),
    "threads = 257": ("threads", "257", "1 to 256"),
    "threads = 'two'": ("threads", "'two'", "int"),
    "threads = true": ("threads", "True", "int"),
    "peer_timeout_s = nan": ("peer_timeout_s", "nan", "float"),
    "peer_timeout_s = -1.0": ("peer_timeout_s", "-1.0", "0.1 to 3600"),
    "endpoint = 'tcp://eth0:1'": ("endpoint", "eth0", "loopback"),
    "encryption = 'never'": ("encryption", "'never'", "auto, always"),
    "keys = 'here'": ("keys", "'here'", "absolute path"),
    "metrics = '0.0.0.0:80'": ("metrics", "0.0.0.0:80", "loopback"),
    "metrics = '127.0.0.1'": ("metrics", "127.0.0.1", "port"),
    "model = ''": ("model", "''", "1 to 64 bytes"),
    "colour = 'red'": ("colour", "'red'", "unknown; known: endpoint"),
    "[limits]\nstreams = 0": ("limits.streams", "0", "1 to 256"),
    "[limits]\ncolour = 1": ("limits.colour", "1", "unknown"),
    "[log]\nlevel = 'loud'": ("log.level", "'loud'", "debug, info"),
    "threads = ": ("server.toml", "no TOML", "Invalid value"),
}


@pytest.mark.parametrize("toml", WRONG)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(tmp_path, toml):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, toml)
    for part in WRONG[toml]:
        assert part in str(error.value)


def test_a_wrong_environment_variable_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"PHOENIX_STEMS_THREADS = 'x': .*int"):
        load(tmp_path, environment={"PHOENIX_STEMS_THREADS": "x"})
    with pytest.raises(ConfigError, match="PHOENIX_STEMS_PEER_TIMEOUT_S = 'nan'"):
        load(tmp_path, environment={"PHOENIX_STEMS_PEER_TIMEOUT_S": "nan"})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml", {}, {})


def test_a_file_that_is_not_text_is_named(tmp_path):
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no TOML"):
        load_config(file, {}, {})


def test_the_tree_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ServerConfig().threads = 2


def test_the_description_rebuilds_the_same_tree():
    config = build({"threads": 7, "queues.catch_up_ms": 12.0, "log.format": "json"})
    assert build(describe(config)) == config
    assert list(describe(config)) == [leaf.key for leaf in leaves()]


def test_environment_names_are_unique():
    names = [environment_name(leaf.key) for leaf in leaves()]
    assert len(set(names)) == len(names)


@given(threads=st.integers())
def test_a_range_holds_at_every_value(threads):
    if 1 <= threads <= 256:
        assert build({"threads": threads}).threads == threads
    else:
        with pytest.raises(ConfigError, match="threads"):
            build({"threads": threads})
