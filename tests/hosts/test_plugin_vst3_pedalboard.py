"""The VST 3 plugins in pedalboard, which renders offline and takes the reported latency away."""

import gc

import numpy as np
import pytest
from conftest import amplitude, noise, vocals_of

pedalboard = pytest.importorskip(
    "pedalboard", reason="needs the hosts extra: pip install 'phoenix-stems[hosts]'"
)

RATES_HZ = (44_100, 48_000, 96_000)
BLOCKS = (64, 441, 1024, 8192)
SECONDS = 1.5
TOLERANCE = 1e-6


@pytest.fixture(autouse=True)
def _unload():
    """Plugins and their parameters refer to each other: streams end when the collector has run."""
    yield
    gc.collect()


def load(bundles, name="Mix"):
    return pedalboard.load_plugin(str(bundles.vst3), plugin_name=f"Phoenix Stems {name}")


def render(plugin, dry, rate_hz, block_frames):
    return plugin.process(dry, rate_hz, buffer_size=block_frames, reset=True)


@pytest.fixture(scope="module")
def expected(server):
    """Dry and vocals for each rate, asked for once."""
    known = {}

    def of(rate_hz):
        if rate_hz not in known:
            dry = noise(SECONDS, rate_hz)
            known[rate_hz] = dry, vocals_of(server.endpoint, dry, rate_hz)
        return known[rate_hz]

    return of


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("block_frames", BLOCKS)
def test_mix_is_the_expected_mix_after_the_reported_latency(
    bundles, served, expected, rate_hz, block_frames
):
    dry, vocals = expected(rate_hz)
    plugin = load(bundles)
    plugin.vocals_gain_db = -6.0
    wet = render(plugin, dry, rate_hz, block_frames)
    mix = amplitude(-6.0) * vocals + (dry - vocals)
    np.testing.assert_allclose(wet, mix, atol=TOLERANCE)
    assert np.abs(wet - dry).max() > 0.01  # had nothing been separated, it would not be seen


@pytest.mark.parametrize("block_frames", BLOCKS)
def test_at_unity_the_plugin_is_a_delay(bundles, served, block_frames):
    dry = noise(SECONDS, 44_100)
    wet = render(load(bundles), dry, 44_100, block_frames)
    np.testing.assert_allclose(wet, dry, atol=TOLERANCE)


def test_a_wrong_latency_would_be_seen(bundles, served, expected):
    dry, vocals = expected(44_100)
    plugin = load(bundles)
    plugin.vocals_gain_db = -6.0
    wet = render(plugin, dry, 44_100, 1024)
    mix = amplitude(-6.0) * vocals + (dry - vocals)
    assert np.abs(wet[:, 1:] - mix[:, :-1]).max() > 0.1


def test_latency_is_the_sum_of_the_documented_terms(bundles, served):
    plugin = load(bundles)
    render(plugin, noise(0.5, 44_100), 44_100, 256)
    assert plugin.reported_latency_samples == 2048  # docs/latency.md: 46.4 ms
    render(plugin, noise(0.5, 48_000), 48_000, 1024)
    assert plugin.reported_latency_samples == 3062


def test_profile_changes_the_latency(bundles, served):
    plugin = load(bundles)
    render(plugin, noise(0.5, 44_100), 44_100, 256)
    live = plugin.reported_latency_samples
    plugin.profile = "Studio"
    render(plugin, noise(0.5, 44_100), 44_100, 256)
    assert plugin.reported_latency_samples > live + 1024


def test_state_comes_back_byte_for_byte(bundles, served):
    first, second = load(bundles), load(bundles)
    first.vocals_gain_db = -7.5
    first.instrumental_mute = True
    assert second.raw_state != first.raw_state
    second.raw_state = first.raw_state
    assert second.raw_state == first.raw_state
    assert second.vocals_gain_db == first.vocals_gain_db
    assert second.instrumental_mute


def test_garbage_is_no_state(bundles, served):
    plugin = load(bundles)
    plugin.vocals_gain_db = -7.5
    before = plugin.raw_state
    plugin.raw_state = bytes(range(256)) * 3
    assert plugin.raw_state == before


def test_presets_are_programs(bundles, served):
    plugin = load(bundles)
    names = list(plugin.parameters["preset"].valid_values)
    assert names[0] == "(as set)"
    assert len(names) == 5
    assert any("no vocals" in name for name in names)


def test_multi_gives_a_bus_for_each_stem(bundles, served):
    """pedalboard hears the main bus only: the first stem."""
    dry = noise(SECONDS, 44_100)
    wet = render(load(bundles, "Multi"), dry, 44_100, 512)
    np.testing.assert_allclose(wet, 0.5 * dry, atol=TOLERANCE)


def test_a_render_without_a_server_is_no_success(bundles, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path}/nobody")
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    dry = noise(0.5, 44_100)
    wet = render(load(bundles), dry, 44_100, 512)
    assert np.abs(wet).max() > 0.2  # the alarm, never silence and never something like the song
    assert np.abs(np.corrcoef(wet[0], dry[0])[0, 1]) < 0.1
