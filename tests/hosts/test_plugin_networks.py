"""With the real networks: whatever they hear, their stems sum to the dry signal."""

import gc

import numpy as np
import pytest
from conftest import noise

from benchmarks.song import bundled_song
from dsp.networks.registry import available_models
from plugin_bridge import EmbeddedServer

pedalboard = pytest.importorskip(
    "pedalboard", reason="needs the hosts extra: pip install 'phoenix-stems[hosts]'"
)

MODELS = [model.name for model in available_models() if model.name != "fixed-gains"]
SECONDS = 2.0
BLOCK = 512
TOLERANCE = 1e-6


@pytest.fixture(scope="module", params=MODELS)
def with_a_network(request):
    with EmbeddedServer(model=request.param, profile="live") as server:
        yield server


@pytest.fixture
def plugins(bundles, with_a_network, monkeypatch):
    monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", with_a_network.endpoint)
    monkeypatch.setenv("PHOENIX_STEMS_SERVE", "")
    yield lambda name: pedalboard.load_plugin(
        str(bundles.vst3), plugin_name=f"Phoenix Stems {name}"
    )
    gc.collect()


def soloed(plugin, stem, dry, rate_hz):
    setattr(plugin, f"{stem}_solo", True)
    return plugin.process(dry, rate_hz, buffer_size=BLOCK)


@pytest.fixture(scope="module")
def song():
    song = bundled_song()
    start = 10 * song.rate_hz  # where somebody sings
    return song.mixture[:, start:][:, : round(SECONDS * song.rate_hz)], song.rate_hz


def assert_stems_sum(plugins, dry, rate_hz):
    """Render each stem by itself; returns the vocals."""
    dry = np.broadcast_to(dry, (2, dry.shape[1]))
    vocals = soloed(plugins("Mix"), "vocals", dry, rate_hz)
    instrumental = soloed(plugins("Mix"), "instrumental", dry, rate_hz)
    np.testing.assert_allclose(vocals + instrumental, dry, atol=TOLERANCE)
    return vocals


def test_the_stems_of_a_song_sum_to_it_and_are_stems(plugins, song):
    dry, rate_hz = song
    vocals = assert_stems_sum(plugins, dry, rate_hz)
    share = np.sum(vocals**2) / np.sum(dry**2)
    assert 0.001 < share < 0.9, "nothing was separated"


@pytest.mark.hosts
@pytest.mark.parametrize("rate_hz", [48_000, 96_000])
def test_the_stems_of_noise_at_another_rate_sum_to_it(plugins, rate_hz):
    assert_stems_sum(plugins, noise(1.5, rate_hz), rate_hz)


@pytest.mark.hosts
def test_the_first_bus_of_multi_is_what_mix_solos(plugins, song):
    dry, rate_hz = song
    dry = np.broadcast_to(dry, (2, dry.shape[1]))
    first = plugins("Multi").process(dry, rate_hz, buffer_size=BLOCK)
    vocals = soloed(plugins("Mix"), "vocals", dry, rate_hz)
    np.testing.assert_allclose(first, vocals, atol=TOLERANCE)
