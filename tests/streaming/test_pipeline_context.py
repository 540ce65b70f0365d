"""The context is the state: pre-roll, seek, flush, and starting anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_driver import (
    HOST_RATES,
    RecursiveSeparator,
    fixed_gains,
    joined,
    noise,
    open_stream,
    separate,
)

from dsp.errors import SignalError

every_rate = pytest.mark.parametrize("rate_hz", HOST_RATES)


def undelayed() -> RecursiveSeparator:
    """Answers every hop at once: less delay than the resamplers' filters are long."""
    return RecursiveSeparator(hop=32, overlap=0)


separators = pytest.mark.parametrize("build", [fixed_gains, RecursiveSeparator, undelayed])


def open_with(build, rate_hz: int, **options):
    separator = build()
    return open_stream(rate_hz, separator, model_stems=(*separator.stems, "other"), **options)


def assert_same(first: np.ndarray, second: np.ndarray) -> None:
    assert first.shape == second.shape
    assert np.abs(first - second).max() <= 1e-6


@every_rate
@separators
@given(start=st.integers(0, 10**6), history=st.integers(0, 9000), skipped=st.integers(0, 4000))
@settings(deadline=None, max_examples=10)
def test_preroll_equals_the_uninterrupted_stream(rate_hz, build, start, history, skipped) -> None:
    """From the first sample behind the pre-roll, whatever its length and alignment."""
    dry = noise(skipped + history + 6000)
    resumed_at = start + skipped + history
    uninterrupted = open_with(build, rate_hz, position_samples=start + skipped)
    expected = separate(uninterrupted, dry[:, skipped:], start=start + skipped)
    resumed = open_with(build, rate_hz)
    resumed.push(0, noise(3000, seed=9))
    resumed.preroll(start + skipped, dry[:, skipped : skipped + history])
    stems = separate(resumed, dry[:, skipped + history :], start=resumed_at)
    assert_same(stems, expected[:, :, history:])


@every_rate
@separators
def test_eight_seconds_of_preroll_stand_for_everything_before(rate_hz, build) -> None:
    dry = noise(10 * rate_hz)
    cut = 9 * rate_hz + 1234
    expected = separate(open_with(build, rate_hz), dry)[:, :, cut:]
    resumed = open_with(build, rate_hz)
    resumed.preroll(0, dry[:, :cut])
    assert_same(separate(resumed, dry[:, cut:], start=cut), expected)


@every_rate
@separators
@given(start=st.integers(0, 5000))
@settings(deadline=None, max_examples=10)
def test_a_stream_that_begins_has_had_silence_before(rate_hz, build, start) -> None:
    """Also in its very first samples, into which the filters reach from before."""
    dry = noise(3000)
    late = separate(
        open_with(build, rate_hz, position_samples=start + 7000), dry, start=start + 7000
    )
    silent = np.zeros((2, 7000), np.float32)
    long = open_with(build, rate_hz, position_samples=start)
    whole = separate(long, np.concatenate([silent, dry], axis=1), start=start)
    assert_same(late, whole[:, :, 7000:])


def test_preroll_gives_no_stems_and_sets_the_origin() -> None:
    pipeline = open_stream()
    pipeline.preroll(1000, noise(5000))
    assert pipeline.position_samples == 6000
    assert pipeline.ready_hops == 0
    assert pipeline.process() == []


def test_preroll_rebuilds_rather_than_pushes() -> None:
    separator = RecursiveSeparator()
    pipeline = open_stream(separator=separator, model_stems=("vocals", "other"))
    pipeline.preroll(0, noise(50_000))
    assert separator.rebuilds == 1


@every_rate
@separators
@given(position=st.integers(0, 10**8))
@settings(deadline=None, max_examples=10)
def test_after_a_seek_nothing_of_before_is_left(rate_hz, build, position) -> None:
    dry = noise(8000)
    pipeline = open_with(build, rate_hz)
    pipeline.push(0, noise(7000, seed=3))
    pipeline.seek(position)
    fresh = open_with(build, rate_hz, position_samples=position)
    stems = separate(pipeline, dry, start=position)
    assert np.array_equal(stems, separate(fresh, dry, start=position))


@every_rate
@separators
@given(frames=st.integers(1, 20_000))
@settings(deadline=None, max_examples=10)
def test_flush_completes_everything(rate_hz, build, frames) -> None:
    """As if silence had followed: the same stems, and not one sample more."""
    dry = noise(frames)
    flushed = separate(open_with(build, rate_hz), dry)
    followed = open_with(build, rate_hz)
    silent = np.zeros((2, followed.latency.total), np.float32)
    out = joined(followed.push(0, np.concatenate([dry, silent], axis=1)))
    assert_same(flushed, out[:, :, :frames])


@every_rate
@separators
def test_a_stream_goes_on_behind_a_flush_as_if_there_had_been_none(rate_hz, build) -> None:
    dry = noise(30_000)
    pipeline = open_with(build, rate_hz)
    first = joined(pipeline.push(0, dry[:, :17_003]) + pipeline.flush())
    second = joined(pipeline.push(17_003, dry[:, 17_003:]) + pipeline.flush(), 17_003)
    whole = separate(open_with(build, rate_hz), dry)
    assert first.shape[2] == 17_003
    assert_same(second, whole[:, :, 17_003:])


def test_flush_gives_up_every_gap() -> None:
    pipeline, dry = open_stream(), noise(6000)
    out = pipeline.push(0, dry[:, :1000])
    out += pipeline.push(2000, dry[:, 2000:3000])
    out += pipeline.push(5000, dry[:, 5000:])
    stems = joined(out + pipeline.flush())
    silenced = dry.copy()
    silenced[:, 1000:2000] = silenced[:, 3000:5000] = 0.0
    assert np.array_equal(stems, separate(open_stream(), silenced))
    assert pipeline.counters.lost_frames == 3000


def test_flushing_an_empty_stream_gives_nothing() -> None:
    pipeline = open_stream()
    assert pipeline.flush() == []
    pipeline.push(0, noise(100))
    assert joined(pipeline.flush()).shape[2] == 100
    assert pipeline.flush() == []


def test_audio_too_far_ahead_is_refused_until_more_is_processed() -> None:
    pipeline, dry = open_stream(8000, max_block_frames=8000), noise(70_000)
    pipeline.write(0, dry)
    with pytest.raises(SignalError, match="before more is processed"):
        pipeline.write(dry.shape[1], dry)
    first = pipeline.process()
    pipeline.write(dry.shape[1], dry[:, :40_000])
    stems = joined(first + pipeline.process() + pipeline.flush())
    whole = np.concatenate([dry, dry[:, :40_000]], axis=1)
    assert np.array_equal(stems, separate(open_stream(8000), whole))


def test_what_waits_takes_the_place_of_the_past_only() -> None:
    """A stream keeps eight seconds, not twice that: all that is sent at once still comes out."""
    rate_hz = 8000
    stream = open_with(fixed_gains, rate_hz, max_block_frames=256)
    assert stream._context.capacity_samples < 8.5 * rate_hz
    past, ahead = noise(8 * rate_hz), noise(8 * rate_hz, seed=1)
    expected = separate(open_with(fixed_gains, rate_hz), np.concatenate([past, ahead], axis=1))
    first = stream.push(0, past)
    stream.write(past.shape[1], ahead)
    rest = [*stream.process(), *stream.flush()]
    assert np.array_equal(joined([*first, *rest]), expected)
