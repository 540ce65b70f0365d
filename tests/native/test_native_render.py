"""Renders against a real server with the test separator (vocals = 0.5 x dry) are exact."""

import numpy as np
import pytest
from native_core import (
    BYPASS,
    DRY_WET,
    FAILED,
    FOCUS,
    INSTRUMENTAL,
    MIX,
    MULTI,
    PROFILE,
    REFUSED,
    VOCALS,
    Plugin,
)
from server_client import noise, running_server


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server.endpoint


@pytest.fixture(autouse=True)
def environment(endpoint, monkeypatch):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", endpoint)


def render(kind, settings, dry, cuts, *, rate_hz=44100, max_block_frames=512):
    with Plugin(kind) as plugin:
        for identifier, value in settings.items():
            assert plugin.set(identifier, value)
        assert plugin.activate(rate_hz, max_block_frames, dry.shape[0])
        latency = plugin.latency
        padded = np.pad(dry, ((0, 0), (0, latency)))
        out = plugin.play(padded, cuts)
        assert plugin.latency == latency, plugin.why
        assert not out[:, :, :latency].any()
        return out[:, :, latency:]


@pytest.mark.parametrize("rate_hz", [44100, 48000, 88200, 96000, 192000])
@pytest.mark.parametrize("cuts", [[512], [64], [1, 511, 17, 256], [2000]])
def test_the_mix_is_exact_and_aligned_at_every_rate_and_block(rate_hz, cuts):
    time_s = np.arange(6000) / rate_hz
    tones = np.stack([np.sin(2 * np.pi * 440 * time_s), np.cos(2 * np.pi * 3000 * time_s)])
    dry = (0.5 * np.hanning(6000) * tones).astype(np.float32)
    out = render(MIX, {VOCALS: -6.0, INSTRUMENTAL: 3.0}, dry, cuts, rate_hz=rate_hz)
    gain = 0.5 * 10 ** (-6 / 20) + 0.5 * 10 ** (3 / 20)
    tolerance = 1e-6 if rate_hz == 44100 else 2e-5  # the resamplers' stop band
    assert np.abs(out[0] - gain * dry).max() < tolerance


@pytest.mark.parametrize(
    ("settings", "gain"),
    [
        ({}, 1.0),
        ({VOCALS + 1: 1}, 0.5),
        ({VOCALS + 2: 1}, 0.5),
        ({VOCALS: -60, INSTRUMENTAL: -60}, 0.0),
        ({VOCALS + 1: 1, DRY_WET: 50}, 0.75),
        ({VOCALS + 1: 1, FOCUS: 50}, 0.75),
        ({VOCALS + 1: 1, FOCUS: 150}, 0.25),
        ({VOCALS: 6, FOCUS: 150}, 0.5 + 0.5 * 10 ** (6 / 20)),
        ({VOCALS + 1: 1, INSTRUMENTAL + 1: 1, BYPASS: 1}, 1.0),
        ({VOCALS + 1: 1, PROFILE: 1}, 0.5),
    ],
)
def test_parameters_act_as_the_table_says(settings, gain):
    dry = noise(4000)
    assert np.abs(render(MIX, settings, dry, [512])[0] - gain * dry).max() < 1e-6


@pytest.mark.parametrize("settings", [{}, {FOCUS: 50}, {DRY_WET: 30}, {BYPASS: 1}])
def test_the_buses_of_multi_sum_to_the_dry_signal(settings):
    dry = noise(4000)
    out = render(MULTI, settings, dry, [300])
    if settings != {FOCUS: 50}:
        assert np.abs(out.sum(axis=0) - dry).max() < 1e-6
    vocals = {(): 0.5, (FOCUS,): 0.75, (DRY_WET,): 0.15, (BYPASS,): 0.0}[tuple(settings)]
    assert np.abs(out[0] - vocals * dry).max() < 1e-6


def test_mono_and_a_single_frame_at_a_time():
    dry = noise(1500, channels=1)
    out = render(MIX, {VOCALS + 1: 1}, dry, [1], max_block_frames=1)
    assert np.abs(out[0] - 0.5 * dry).max() < 1e-6


def test_in_place_and_not_a_number():
    dry = noise(4096)
    dry[0, 100], dry[1, 200] = np.nan, np.inf
    clean = np.nan_to_num(dry, nan=0, posinf=0)
    with Plugin() as plugin:
        plugin.set(VOCALS + 1, 1)
        plugin.activate(max_block_frames=1024)
        blocks = np.split(np.pad(dry, ((0, 0), (0, 4096))), 8, axis=1)
        out = np.concatenate(
            [plugin.process(block, offline=True, in_place=True)[1] for block in blocks], axis=2
        )
        assert np.abs(out[0][:, plugin.latency :][:, :4096] - 0.5 * clean).max() < 1e-6


def test_a_reset_forgets_the_past_and_keeps_the_latency():
    dry = noise(5000)
    with Plugin() as plugin:
        plugin.set(VOCALS + 1, 1)
        plugin.activate()
        plugin.play(dry, [256])
        plugin.reset()
        latency = plugin.latency
        out = plugin.play(np.pad(dry, ((0, 0), (0, latency))), [256])
        assert np.abs(out[0][:, 300:latency]).max() == 0
        assert np.abs(out[0][:, latency:] - 0.5 * dry).max() < 1e-6


def test_a_render_that_begins_in_the_middle_misses_nothing():
    """Hosts switch to offline while it runs: the first stems are of audio that came live."""
    dry = noise(12000)
    with Plugin() as plugin:
        plugin.set(VOCALS + 1, 1)
        plugin.activate()
        plugin.play(dry[:, :4096], [256], offline=False)
        rest = plugin.play(dry[:, 4096:], [256], offline=True)
        latency = plugin.latency
        expected = 0.5 * dry[:, 4096 - latency : 12000 - latency]
        settled = 300  # the fade from what was missing live
        assert np.abs(rest[0] - expected)[:, settled:].max() < 1e-6


def test_a_render_without_a_server_is_no_silence_and_no_success(monkeypatch, tmp_path):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/nobody.sock")
    with Plugin() as plugin:
        plugin.activate()
        codes, outputs = zip(
            *[plugin.process(noise(256), offline=True) for _ in range(20)], strict=True
        )
        assert codes[-1] == FAILED
        assert plugin.status == REFUSED
        assert "render has failed" in plugin.why
        assert 0.2 < np.abs(outputs[-1]).max() < 0.26
