"""What an LV2 host saves and restores: the ports' values, byte for byte, and their sound."""

import numpy as np
import pytest
from conftest import noise
from killed import delayed
from lv2_host import Lv2Host, World

MIX, MULTI = "urn:phoenix-stems:mix", "urn:phoenix-stems:multi"
RATE_HZ = 44_100
CHANGED = {"vocals_mute": 1.0, "instrumental_gain": -7.5, "focus": 62.5, "profile": 1.0}


@pytest.fixture
def world(bundles, served, monkeypatch):
    monkeypatch.setenv("LV2_PATH", f"{bundles.lv2.parent}:/usr/lib/lv2")
    with World() as world:
        yield world


@pytest.fixture(params=[MIX, MULTI])
def hosts(world, request):
    """Two instances of the same plugin, one with changed values."""
    with Lv2Host(world, request.param, RATE_HZ) as first:
        for symbol, value in CHANGED.items():
            first[symbol] = value
        with Lv2Host(world, request.param, RATE_HZ) as second:
            yield first, second


def values(host):
    return {symbol: host[symbol] for symbol in host.ports}


def test_state_comes_back_byte_for_byte(world, hosts):
    first, second = hosts
    text = world.text_of(first.state())
    assert world.text_of(second.state()) != text
    second.restore(world.state_from_text(text))
    assert values(second) == values(first)
    assert world.text_of(second.state()) == text


def test_a_session_on_disk_comes_back_byte_for_byte(world, hosts, tmp_path):
    first, second = hosts
    world.save(first.state(), tmp_path / "one")
    second.restore(world.state_from_file(tmp_path / "one" / "state.ttl"))
    world.save(second.state(), tmp_path / "two")
    one, two = (tmp_path / name / "state.ttl" for name in ("one", "two"))
    assert b"vocals_mute" in one.read_bytes()
    assert two.read_bytes() == one.read_bytes()


def test_what_is_restored_is_heard(world, served):
    dry = noise(1.0, RATE_HZ)
    with Lv2Host(world, MIX, RATE_HZ) as first, Lv2Host(world, MIX, RATE_HZ) as second:
        first["vocals_mute"] = 1.0
        second.restore(first.state())
        wet = second.render(dry, 512)
        np.testing.assert_allclose(wet, 0.5 * delayed(dry, int(second["latency"])), atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("karaoke", {"vocals_mute": 1.0, "instrumental_mute": 0.0}),
        ("a_cappella", {"vocals_mute": 0.0, "instrumental_mute": 1.0}),
    ],
)
def test_presets_are_restored_like_any_state(world, preset, expected):
    with Lv2Host(world, MIX, RATE_HZ) as host:
        host["vocals_gain"] = -3.0
        host.restore(world.preset(f"{MIX}#{preset}"))
        assert {symbol: host[symbol] for symbol in expected} == expected
        assert host["vocals_gain"] == 0.0
