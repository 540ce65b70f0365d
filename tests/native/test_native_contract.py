"""What holds without a server: latency's terms, parameters, state, ZMTP against libzmq."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_core import INSTRUMENTAL, MULTI, PROFILE, STATUS, VOCALS, Plugin, library

from dsp.latency import algorithmic_latency
from dsp.networks import live_network, unet_studio
from dsp.networks.fixed_gains import PROFILES
from dsp.resample import RateRatio
from plugin_bridge.latency import round_trip_samples

PROFILE_NAMES = ["live", "studio", "live-light", "live-short"]
IDS = [1, 2, 3, 4, 100, 101, 102, 110, 111, 112]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path_factory):
    monkeypatch.setenv(
        "PHOENIX_STEMS_ENDPOINT", f"ipc://{tmp_path_factory.getbasetemp()}/none.sock"
    )


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 88200, 96000, 176400, 192000])
@pytest.mark.parametrize("block", [1, 64, 256, 8192])
@pytest.mark.parametrize(
    "profile",
    [live_network.LIVE, unet_studio.PROFILE, live_network.LIVE_LIGHT, live_network.LIVE_SHORT],
    ids=PROFILE_NAMES,
)
def test_the_latency_is_the_sum_that_the_bridge_would_report(rate_hz, block, profile):
    ratios = RateRatio.between(rate_hz, 44100), RateRatio.between(44100, rate_hz)
    server = algorithmic_latency(profile, *ratios).total
    with Plugin() as plugin:
        plugin.set(PROFILE, PROFILE_NAMES.index(profile.name))
        assert plugin.activate(rate_hz, block)
        assert plugin.latency == block + server + round_trip_samples(rate_hz)
        if profile.name in PROFILES:  # what the other native tests play against a real server
            tested = PROFILES[profile.name]
            assert server >= algorithmic_latency(tested, *ratios).total


@pytest.mark.parametrize(
    ("rate_hz", "block", "channels"),
    [
        (7999, 64, 2),
        (192001, 64, 2),
        (44100.5, 64, 2),
        (44100, 0, 2),
        (44100, 65537, 2),
        (44100, 64, 3),
        (44100, 64, 0),
        (math.nan, 64, 2),
    ],
)
def test_what_cannot_be_is_refused_and_told(rate_hz, block, channels):
    with Plugin() as plugin:
        assert not plugin.activate(rate_hz, block, channels)
        assert "allowed" in plugin.why


@given(values=st.dictionaries(st.sampled_from(IDS), st.floats(-1e9, 1e9), max_size=10))
def test_state_round_trips_byte_by_byte(values):
    with Plugin() as first, Plugin(MULTI) as second:
        for identifier, value in values.items():
            assert first.set(identifier, value)
        state = first.save()
        assert second.restore(state)
        assert second.save() == state
        assert [first.get(i) for i in IDS] == [second.get(i) for i in IDS]


@given(data=st.data())
def test_damaged_state_is_refused_and_changes_nothing(data):
    with Plugin() as plugin:
        plugin.set(VOCALS, -7.5)
        state = bytearray(plugin.save())
        at = data.draw(st.integers(0, len(state) - 1))
        state[at] ^= data.draw(st.integers(1, 255))
        cut = data.draw(
            st.sampled_from([bytes(state), bytes(plugin.save()[:at]), plugin.save() + b"x"])
        )
        assert not plugin.restore(cut)
        assert plugin.get(VOCALS) == -7.5


def test_parameters_are_clamped_rounded_and_refused():
    with Plugin() as plugin:
        assert plugin.set(VOCALS, 99)
        assert plugin.get(VOCALS) == 12
        assert plugin.set(PROFILE, 0.6)
        assert plugin.get(PROFILE) == 1
        assert plugin.set(PROFILE, 99)
        assert plugin.get(PROFILE) == len(PROFILE_NAMES) - 1
        assert not plugin.set(STATUS, 1)
        assert not plugin.set(12345, 1)
        assert not plugin.set(VOCALS, math.nan)


def test_presets_set_all_but_bypass_and_profile():
    with Plugin() as plugin:
        plugin.set(1, 1)
        plugin.set(INSTRUMENTAL, -20)
        assert library().stems_plugin_load_preset(plugin.handle, 0)
        assert (plugin.get(VOCALS + 1), plugin.get(INSTRUMENTAL), plugin.get(1)) == (1, 0, 1)
        assert not library().stems_plugin_load_preset(plugin.handle, 99)
