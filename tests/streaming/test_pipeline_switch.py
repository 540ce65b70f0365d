"""Changes on the fly: gains, mute and solo, another model; nothing clicks, nothing is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_driver import (
    HOST_RATES,
    LSB_24_BIT,
    GainSeparator,
    RecursiveSeparator,
    fixed_gains,
    joined,
    noise,
    open_stream,
    separate,
)

from dsp.errors import SignalError

every_rate = pytest.mark.parametrize("rate_hz", HOST_RATES)


def hum(rate_hz: int, frames: int) -> np.ndarray:
    """A low tone, whose own steps are small: [2, frame]."""
    time = np.arange(frames) / rate_hz
    return np.tile(np.cos(2 * np.pi * 50 * time), (2, 1)).astype(np.float32)


def largest_step(stems: np.ndarray) -> float:
    return float(np.abs(np.diff(stems, axis=-1)).max())


# The tone's own slope, and a full-scale raised cosine over 10 ms, in one sample at 44.1 kHz.
QUIET_STEP = 2 * np.pi * 50 / 44_100 + 2 * np.pi / 2 / 441


@every_rate
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 3000),
            st.floats(-60, 6),
            st.sets(st.sampled_from(["vocals", "drums", "other"])),
            st.sets(st.sampled_from(["vocals", "drums", "other"])),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(deadline=None, max_examples=15)
def test_gains_mute_and_solo_do_not_click(rate_hz, changes) -> None:
    total = sum(frames for frames, *_ in changes) + 8000
    dry, at, out = hum(rate_hz, total), 0, []
    pipeline = open_stream(rate_hz, stems=("mix",))
    for frames, gain_db, mute, solo in changes:
        out += pipeline.push(at, dry[:, at : at + frames])
        at += frames
        pipeline.set_mix({"vocals": gain_db}, mute, solo)
    out += pipeline.push(at, dry[:, at:])
    steps = np.abs(np.diff(joined(out + pipeline.flush()), axis=-1))[..., 200:-200]
    assert steps.max() <= 2 * QUIET_STEP


def test_the_mix_settles_at_its_gains() -> None:
    pipeline, dry = open_stream(stems=("mix",)), noise(10_000)
    pipeline.set_mix({"vocals": -6.0206}, mute=["drums"])
    mix = separate(pipeline, dry)[0]
    assert np.allclose(mix[:, 1000:], 0.5 * dry[:, 1000:], atol=1e-5)


def test_untouched_the_mix_is_the_dry_signal_to_the_bit() -> None:
    dry = noise(10_000)
    assert np.array_equal(separate(open_stream(48_000, stems=("mix",)), dry)[0], dry)


def test_what_is_not_named_stays_as_it_is() -> None:
    pipeline = open_stream(stems=("mix",))
    pipeline.set_mix({"vocals": -20.0}, mute=["drums"])
    pipeline.set_mix({"other": -20.0})
    pipeline.set_mix(solo=())
    dry = np.ones((2, 8000), np.float32)
    assert separate(pipeline, dry)[0, 0, 4000] == pytest.approx(0.1 * 0.5 + 0.1 * 0.25, abs=1e-5)


def test_a_refused_change_leaves_everything_as_it_was() -> None:
    pipeline, dry = open_stream(stems=("mix",)), noise(4000)
    for change in ({"gains_db": {"bass": 0.0}}, {"mute": ["x"]}, {"gains_db": {"other": 99.0}}):
        with pytest.raises(SignalError):
            pipeline.set_mix(**change)
    with pytest.raises(SignalError):
        pipeline.set_stems(("bass",))
    assert np.array_equal(separate(pipeline, dry)[0], dry)


@every_rate
@given(cuts=st.lists(st.integers(0, 3000), min_size=1, max_size=5))
@settings(deadline=None, max_examples=15)
def test_switching_models_does_not_click_and_leaves_no_gap(rate_hz, cuts) -> None:
    """Also again during the fade of the switch before."""
    dry = hum(rate_hz, sum(cuts) + 9000)
    pipeline, at, out = open_stream(rate_hz), 0, []
    for index, frames in enumerate(cuts):
        out += pipeline.push(at, dry[:, at : at + frames])
        at += frames
        gains = {"vocals": 0.9 - 0.8 * (index % 2), "drums": 0.1 * (index % 2)}
        pipeline.switch(GainSeparator(gains), ("vocals", "drums", "other"))
    out += pipeline.push(at, dry[:, at:])
    stems = joined(out + pipeline.flush())
    assert stems.shape == (3, *dry.shape)
    assert np.abs(stems.sum(axis=0) - dry).max() <= LSB_24_BIT
    assert largest_step(stems[:, :, 200:-200]) <= 2 * QUIET_STEP


@every_rate
def test_after_the_fade_the_new_model_sounds_as_if_it_had_always_run(rate_hz) -> None:
    dry = noise(40_000)
    pipeline = open_stream(rate_hz)
    out = pipeline.push(0, dry[:, :20_000])
    before = pipeline.position_samples
    pipeline.switch(RecursiveSeparator(), ("vocals", "other"))
    out += pipeline.push(20_000, dry[:, 20_000:]) + pipeline.flush()
    always = open_stream(rate_hz, RecursiveSeparator(), model_stems=("vocals", "other"))
    expected = separate(always, dry)
    fade = rate_hz // 50
    new = [block for block in out if block.stems == ("vocals", "other")]
    stems = joined(new, before)
    assert np.abs(stems[:, :, fade:] - expected[:, :, before + fade :]).max() <= 1e-6


def test_the_latency_of_the_stream_stays_and_its_promise_holds_after_a_switch() -> None:
    pipeline, dry = open_stream(48_000), noise(30_000)
    total = pipeline.latency.total
    pipeline.push(0, dry[:, :10_000])
    pipeline.switch(RecursiveSeparator(), ("vocals", "other"))
    assert pipeline.latency.total == total
    for at in range(10_000, 16_000, 100):
        pipeline.push(at, dry[:, at : at + 100])
        assert pipeline.position_samples > at + 100 - total
    pipeline.switch(fixed_gains(), ("vocals", "drums", "other"))
    for at in range(16_000, 29_000, 100):
        pipeline.push(at, dry[:, at : at + 100])
        assert pipeline.position_samples > at + 100 - total


def test_a_model_that_needs_more_latency_is_refused_and_the_stream_goes_on() -> None:
    pipeline, dry = open_stream(), noise(6000)
    out = pipeline.push(0, dry[:, :3000])
    with pytest.raises(SignalError, match="open a new stream"):
        pipeline.switch(fixed_gains("studio"), ("vocals", "drums", "other"))
    out += pipeline.push(3000, dry[:, 3000:])
    assert np.array_equal(joined(out + pipeline.flush()), separate(open_stream(), dry))


def test_a_switch_to_unknown_stems_is_refused() -> None:
    pipeline = open_stream()
    with pytest.raises(SignalError, match="bass"):
        pipeline.switch(RecursiveSeparator(), ("vocals", "other"), ("bass",))
    assert pipeline.stems == ("vocals", "drums", "other")


def test_a_switch_before_any_audio_needs_no_fade() -> None:
    dry = noise(6000)
    pipeline = open_stream()
    pipeline.switch(RecursiveSeparator(), ("vocals", "other"))
    always = open_stream(separator=RecursiveSeparator(), model_stems=("vocals", "other"))
    assert np.array_equal(separate(pipeline, dry), separate(always, dry))


def test_gains_go_on_over_a_switch_for_stems_both_models_have() -> None:
    pipeline, dry = open_stream(stems=("mix",)), hum(44_100, 20_000)
    pipeline.set_mix({"vocals": -np.inf, "drums": -np.inf})
    out = pipeline.push(0, dry[:, :8000])
    pipeline.switch(GainSeparator({"vocals": 0.75}), ("vocals", "other"), ("mix",))
    pipeline.set_mix(solo=())
    mix = joined(out + pipeline.push(8000, dry[:, 8000:]) + pipeline.flush())[0]
    assert np.allclose(mix[:, 1000:6000], 0.25 * dry[:, 1000:6000], atol=1e-5)
    assert np.allclose(mix[:, 10_000:], 0.25 * dry[:, 10_000:], atol=1e-5)
    assert largest_step(mix[:, 1000:]) <= QUIET_STEP


def test_a_seek_or_a_preroll_ends_a_fade_with_the_new_model() -> None:
    dry = noise(6000)
    for restart in (lambda p: p.seek(0), lambda p: p.preroll(0, dry[:, :0])):
        pipeline = open_stream()
        pipeline.push(0, noise(3000))
        pipeline.switch(RecursiveSeparator(), ("vocals", "other"))
        restart(pipeline)
        always = open_stream(separator=RecursiveSeparator(), model_stems=("vocals", "other"))
        assert np.array_equal(separate(pipeline, dry), separate(always, dry))
