"""The diagnostic model keeps the separator's contract to the sample."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.fixed_gains import PROFILES, FixedGainsSeparator
from dsp.separator import Lane, Separator

profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((2, frames)).astype(np.float32)


@profiles
def test_it_is_a_separator(profile) -> None:
    assert isinstance(FixedGainsSeparator(profile), Separator)


@profiles
def test_stems_are_the_dry_signal_delayed_at_fixed_gains(profile) -> None:
    hops = profile.delay_samples // profile.hop_samples + 3
    dry = noise(hops * profile.hop_samples)
    stems = FixedGainsSeparator(profile).push(dry)
    delayed = np.pad(dry, ((0, 0), (profile.delay_samples, 0)))[:, : dry.shape[1]]
    assert np.array_equal(stems, np.stack([0.5 * delayed, 0.25 * delayed]))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
@settings(deadline=None)
def test_streaming_equals_one_push(hops) -> None:
    profile = PROFILES["live"]
    dry = noise(sum(hops) * 512)
    streamed = FixedGainsSeparator(profile)
    ends = np.cumsum([0, *hops]) * 512
    parts = [streamed.push(dry[:, a:b]) for a, b in itertools.pairwise(ends)]
    assert np.array_equal(np.concatenate(parts, axis=-1), FixedGainsSeparator(profile).push(dry))


@profiles
def test_rebuilding_is_having_pushed(profile) -> None:
    history, after = noise(3 * profile.hop_samples), noise(2 * profile.hop_samples)
    pushed, rebuilt = FixedGainsSeparator(profile), FixedGainsSeparator(profile)
    rebuilt.push(noise(5 * profile.hop_samples))
    pushed.push(history)
    rebuilt.rebuild(history, 7 * profile.hop_samples)
    assert np.array_equal(rebuilt.push(after), pushed.push(after))


def test_live_is_realtime_at_1024_samples_and_studio_looks_ahead_within_300_ms() -> None:
    assert PROFILES["live"].lane is Lane.REALTIME
    assert PROFILES["live"].algorithmic_latency_samples == 1024
    assert PROFILES["studio"].lane is PROFILES["offline"].lane is Lane.BACKGROUND
    assert PROFILES["studio"].look_ahead_samples > 0
    assert PROFILES["studio"].algorithmic_latency_samples <= 0.3 * 44_100


def test_broken_hops_and_positions_off_the_grid_are_refused() -> None:
    separator = FixedGainsSeparator(PROFILES["live"])
    with pytest.raises(SignalError, match=r"n \* 512"):
        separator.push(noise(511))
    with pytest.raises(SignalError, match="multiple of 512"):
        separator.reset(100)
