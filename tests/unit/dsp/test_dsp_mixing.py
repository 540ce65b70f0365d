"""Stems that sum to the dry signal, and changes that do not click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.mixing import (
    GainRamp,
    cross_fade,
    mix_down,
    raised_cosine,
    ramp_frames,
    target_gains,
    to_channels,
    to_stereo,
    write_remainder,
)

STEMS = ("vocals", "drums", "other")
LSB_24_BIT = 2.0**-23


def audio(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, shape).astype(np.float32)


def with_remainder(estimates: np.ndarray, dry: np.ndarray) -> np.ndarray:
    stems = np.concatenate([estimates, np.empty_like(dry)[None]])
    write_remainder(estimates, dry, stems[-1])
    return stems


@given(st.integers(1, 8), st.integers(0, 2**16))
@settings(deadline=None)
def test_stems_sum_to_the_dry_signal(count, seed) -> None:
    rng = np.random.default_rng(seed)
    dry = rng.uniform(-1, 1, (2, 100)).astype(np.float32)
    estimates = rng.uniform(-1, 1, (count, 2, 100)).astype(np.float32)
    assert np.abs(with_remainder(estimates, dry).sum(axis=0) - dry).max() <= LSB_24_BIT * count


@given(st.floats(0, 4, width=32))
@settings(deadline=None)
def test_equal_gains_give_exactly_the_dry_signal(gain) -> None:
    gains = np.full((3, 1), gain, np.float32)
    dry = audio(2, 50)
    assert np.array_equal(mix_down(audio(2, 2, 50), dry, gains), dry * np.float32(gain))


def test_mix_is_the_sum_of_stems_times_gains() -> None:
    estimates, dry, gains = audio(2, 2, 50), audio(2, 50), audio(3, 50)
    expected = (with_remainder(estimates, dry) * gains[:, None, :]).sum(axis=0)
    assert np.allclose(mix_down(estimates, dry, gains), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("gains_db", "mute", "solo", "expected"),
    [
        ({}, (), (), (1, 1, 1)),
        ({"vocals": -6.0206}, (), (), (0.5, 1, 1)),
        ({"drums": -np.inf}, (), (), (1, 0, 1)),
        ({}, ("vocals",), (), (0, 1, 1)),
        ({}, (), ("vocals", "other"), (1, 0, 1)),
        ({"other": 20.0}, ("vocals",), ("vocals", "other"), (0, 0, 10)),
    ],
)
def test_gains_mute_and_solo_give_linear_targets(gains_db, mute, solo, expected) -> None:
    assert target_gains(STEMS, gains_db, mute, solo) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("gain_db", [24.01, np.inf, np.nan])
def test_gains_out_of_range_are_refused(gain_db) -> None:
    with pytest.raises(SignalError, match="at most 24"):
        target_gains(STEMS, {"vocals": gain_db})


@pytest.mark.parametrize("named", [{"gains_db": {"bass": 0.0}}, {"mute": ["bass"]}])
def test_unknown_stems_are_refused_by_name(named) -> None:
    with pytest.raises(SignalError, match="bass: vocals, drums, other allowed"):
        target_gains(STEMS, **{"gains_db": {}, **named})


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 4)), min_size=1, max_size=8))
@settings(deadline=None)
def test_gains_never_jump_however_often_they_change(changes) -> None:
    ramp = GainRamp(np.array([1.0], np.float32), 441)
    line = [np.ones(1)]
    for frames, target in changes:
        ramp.aim(np.array([target], np.float32))
        line.append(np.broadcast_to(ramp.advance(frames), (1, frames))[0])
    steps = np.abs(np.diff(np.concatenate(line)))
    assert steps.max() <= 4.0 * np.pi / 2 / 441 + 1e-6


@given(st.lists(st.integers(1, 400), min_size=1, max_size=10))
@settings(deadline=None)
def test_a_ramp_is_the_same_for_every_partition(blocks) -> None:
    def gains(parts: list[int]) -> np.ndarray:
        ramp = GainRamp(np.array([1.0, 0.0], np.float32), 441)
        ramp.aim(np.array([0.0, 2.0], np.float32))
        return np.concatenate(
            [np.broadcast_to(ramp.advance(part), (2, part)) for part in parts], axis=1
        )

    assert np.array_equal(gains(blocks), gains([sum(blocks)]))


def test_a_ramp_ends_exactly_at_its_target() -> None:
    ramp = GainRamp(np.array([1.0], np.float32), 100)
    ramp.aim(np.array([0.25], np.float32))
    assert not ramp.settled
    assert ramp.advance(100)[0, -1] == 0.25
    assert ramp.settled
    assert ramp.advance(5).tolist() == [[0.25]]


def test_a_cross_fade_starts_near_the_old_and_ends_at_the_new() -> None:
    old, new = np.ones((2, 100), np.float32), np.full((2, 100), 3.0, np.float32)
    faded = cross_fade(old, new, raised_cosine(100))
    assert faded[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert faded[0, -1] == 3.0
    assert np.all(np.diff(faded) > 0)


def test_ramps_have_their_duration_at_every_rate() -> None:
    assert [ramp_frames(rate, 10.0) for rate in (8000, 44_100, 192_000)] == [80, 441, 1920]
    assert ramp_frames(8000, 0.0) == 1


def test_mono_goes_to_both_sides_and_comes_back_the_same() -> None:
    mono, stereo = audio(1, 20), audio(2, 20)
    assert np.array_equal(to_channels(to_stereo(mono)[None], 1)[0], mono)
    assert np.array_equal(to_stereo(stereo), stereo)
    assert np.array_equal(to_channels(stereo[None], 2), stereo[None])
    assert np.allclose(to_channels(stereo[None], 1)[0, 0], stereo.mean(axis=0))
