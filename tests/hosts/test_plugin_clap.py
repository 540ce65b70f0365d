"""The CLAP plugins in a host of ctypes: offline, in real time, events, state, refusals."""

import numpy as np
import pytest
from clap_host import ClapError, ClapHost
from conftest import amplitude, noise, vocals_of

MIX, MULTI = "phoenix-stems.mix", "phoenix-stems.multi"
RATE_HZ = 44_100
TOLERANCE = 1e-6
AUTOMATABLE, READ_ONLY, BYPASS, STEPPED = 1 << 5, 1 << 3, 1 << 4, 1 << 0


@pytest.fixture
def mix(bundles, served):
    with ClapHost(bundles.clap, MIX) as host:
        yield host


@pytest.fixture
def multi(bundles, served):
    with ClapHost(bundles.clap, MULTI) as host:
        yield host


def delayed(signal, latency_samples):
    """The same length, later."""
    silence = np.zeros((signal.shape[0], latency_samples), signal.dtype)
    return np.concatenate([silence, signal], axis=1)[:, : signal.shape[1]]


def test_there_are_two_plugins(mix):
    assert mix.plugin_ids() == [MIX, MULTI]


def test_an_unknown_plugin_is_none(bundles):
    with pytest.raises(ClapError):
        ClapHost(bundles.clap, "phoenix-stems.nothing")


def test_ports(mix, multi):
    assert mix.ports(is_input=True) == [("in", 2)]
    assert mix.ports(is_input=False) == [("mix", 2)]
    assert multi.ports(is_input=False) == [("vocals", 2), ("instrumental", 2)]


@pytest.mark.parametrize("block_frames", [[512], [1, 17, 256, 2027], [8192]])
def test_offline_render_is_the_expected_mix(mix, server, block_frames):
    dry = noise(1.5, RATE_HZ)
    mix.render_offline(True)
    mix.set("Vocals gain", -6.0)
    mix.flush()
    mix.activate(RATE_HZ, max(block_frames))
    (wet,) = mix.render(dry, block_frames)
    vocals = vocals_of(server.endpoint, dry, RATE_HZ)
    expected = amplitude(-6.0) * vocals + (dry - vocals)
    np.testing.assert_allclose(wet, delayed(expected, mix.latency_samples), atol=TOLERANCE)


def test_stems_of_multi_sum_to_the_dry_signal(multi):
    dry = noise(1.5, RATE_HZ)
    multi.render_offline(True)
    multi.activate(RATE_HZ, 512)
    vocals, instrumental = multi.render(dry, [512])
    late = delayed(dry, multi.latency_samples)
    np.testing.assert_allclose(vocals, 0.5 * late, atol=TOLERANCE)
    np.testing.assert_allclose(vocals + instrumental, late, atol=TOLERANCE)


def test_real_time_ends_as_the_expected_mix(mix):
    """Once the server is found the stems flow; before that the dry signal is heard."""
    dry = noise(4.0, RATE_HZ)
    mix.set("Vocals gain", -60.0)
    mix.flush()
    mix.activate(RATE_HZ, 1024)
    (wet,) = mix.play(dry, 1024, RATE_HZ)
    tail = slice(3 * RATE_HZ, None)
    late = delayed(dry, mix.latency_samples)
    np.testing.assert_allclose(wet[:, tail], 0.5 * late[:, tail], atol=TOLERANCE)


def test_a_value_holds_from_its_own_block_on(mix):
    dry = np.ones((2, RATE_HZ), np.float32)
    mix.render_offline(True)
    mix.activate(RATE_HZ, 1000)
    first = mix.render(dry[:, :20_000], [1000])[0]
    mix.set("Bypass", 0.0)
    mix.set("Vocals mute", 1.0)
    second = mix.render(dry[:, 20_000:30_000], [1000])[0]
    np.testing.assert_allclose(first[:, -1000:], 1.0, atol=TOLERANCE)
    np.testing.assert_allclose(second[:, 5000:], 0.5, atol=TOLERANCE)


def test_latency_is_told_before_audio_and_change_asks_for_a_restart(mix):
    mix.render_offline(True)
    mix.activate(RATE_HZ, 256)
    assert mix.latency_samples == 2048
    mix.set("Profile", mix.value_of("Profile", "Studio"))
    mix.process(noise(0.01, RATE_HZ))
    mix.process(noise(0.01, RATE_HZ))
    assert mix.restarts == 1
    mix.deactivate()
    mix.activate(RATE_HZ, 256)
    assert mix.latency_samples > 2048 + 1024
    assert mix.latency_changes >= 1


def test_flags_say_what_a_host_may_do(mix):
    flags = {name: parameter.flags for name, parameter in mix.parameters.items()}
    assert flags["Bypass"] & (BYPASS | STEPPED | AUTOMATABLE) == BYPASS | STEPPED | AUTOMATABLE
    assert flags["Vocals gain"] & (AUTOMATABLE | STEPPED | READ_ONLY) == AUTOMATABLE
    assert flags["Status"] & (AUTOMATABLE | READ_ONLY) == READ_ONLY
    assert not flags["Profile"] & AUTOMATABLE


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Vocals gain", -6.0, "-6.0 dB"),
        ("Vocals gain", -60.0, "-inf dB"),
        ("Dry/wet", 100.0, "100.0 %"),
        ("Vocals mute", 1.0, "On"),
        ("Profile", 1.0, "Studio"),
        ("Profile", 2.0, "Light"),
        ("Profile", 3.0, "Short"),
    ],
)
def test_values_read_as_people_write_them(mix, name, value, text):
    assert mix.text_of(name, value) == text
    assert mix.value_of(name, text) == value


def test_text_is_read_with_and_without_unit(mix):
    assert mix.value_of("Vocals gain", "-3,5") == -3.5
    assert mix.value_of("Vocals gain", " +2 dB") == 2.0
    with pytest.raises(AssertionError):
        mix.value_of("Vocals gain", "loud")


@pytest.mark.parametrize("most_bytes_at_once", [1, 7, 1 << 20])
def test_state_comes_back_byte_for_byte(mix, bundles, most_bytes_at_once):
    mix.set("Vocals gain", -7.5)
    mix.set("Instrumental mute", 1.0)
    mix.flush()
    state = mix.save_state(most_bytes_at_once)
    with ClapHost(bundles.clap, MIX) as other:
        assert other.save_state() != state
        other.load_state(state, most_bytes_at_once)
        assert other.save_state() == state
        assert other.get("Vocals gain") == -7.5


def test_garbage_is_no_state(mix):
    before = mix.save_state()
    for garbage in (b"", b"garbage" * 100, before[:-1], before + b"x"):
        with pytest.raises(ClapError):
            mix.load_state(garbage)
    assert mix.save_state() == before


def test_a_render_without_a_server_fails(bundles, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/nobody")
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    with ClapHost(bundles.clap, MIX) as host:
        host.render_offline(True)
        host.activate(RATE_HZ, 512)
        with pytest.raises(ClapError, match="process"):
            host.render(noise(0.5, RATE_HZ), [512])
        assert host.text_of("Status", host.get("Status")).partition(": ")[2]  # says why
