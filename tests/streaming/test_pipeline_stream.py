"""What comes out of a stream does not depend on how, or in what order, it was cut."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_driver import (
    HOST_RATES,
    LSB_24_BIT,
    STEMS,
    RecursiveSeparator,
    fixed_gains,
    joined,
    noise,
    open_stream,
    partitions,
    push_all,
    separate,
)

from dsp.errors import SeparatorError, SignalError

every_rate = pytest.mark.parametrize("rate_hz", HOST_RATES)


@every_rate
@given(blocks=partitions(40_000), start=st.integers(0, 10**6))
@settings(deadline=None, max_examples=15)
def test_every_partition_gives_what_one_push_gives(rate_hz, blocks, start) -> None:
    dry = noise(40_000)
    streamed = separate(open_stream(rate_hz, position_samples=start), dry, blocks, start)
    whole = separate(open_stream(rate_hz, position_samples=start), dry, start=start)
    assert np.array_equal(streamed, whole)


def test_blocks_of_one_sample_give_what_one_push_gives() -> None:
    dry = noise(3000)
    streamed = separate(open_stream(48_000), dry, [1] * 3000)
    assert np.array_equal(streamed, separate(open_stream(48_000), dry))


@every_rate
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("profile", ["live", "studio"])
def test_stems_sum_to_the_dry_signal(rate_hz, channels, profile) -> None:
    dry = noise(30_000, channels)
    stems = separate(open_stream(rate_hz, fixed_gains(profile), channels=channels), dry)
    assert stems.shape == (3, channels, 30_000)
    assert np.abs(stems.sum(axis=0) - dry).max() <= LSB_24_BIT


@every_rate
def test_silence_in_is_exact_silence_out(rate_hz) -> None:
    assert not separate(open_stream(rate_hz), np.zeros((2, 20_000), np.float32)).any()


def test_mono_is_what_stereo_gives_for_the_same_signal_on_both_sides() -> None:
    dry = noise(8000, channels=1)
    mono = separate(open_stream(48_000, channels=1), dry)
    stereo = separate(open_stream(48_000), np.repeat(dry, 2, axis=0))
    assert np.allclose(mono, stereo[:, :1], atol=1e-7)


@every_rate
@given(order=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=20, max_size=20))
@settings(deadline=None, max_examples=15)
def test_reordered_and_repeated_blocks_change_nothing(rate_hz, order) -> None:
    """Neighbours swap, blocks come twice; the output is the same to the bit."""
    dry, frames = noise(20 * 700), 700
    sequence = list(range(20))
    for index, (swap, _) in enumerate(order[:-1]):
        if swap:
            sequence[index : index + 2] = sequence[index : index + 2][::-1]
    sequence = [n for n in sequence for _ in range(1 + order[n][1])]
    pipeline = open_stream(rate_hz, max_block_frames=20 * 700)
    out = []
    for n in sequence:
        out += pipeline.push(n * frames, dry[:, n * frames : (n + 1) * frames])
    stems = joined(out + pipeline.flush())
    assert np.array_equal(stems, separate(open_stream(rate_hz), dry))
    assert pipeline.counters.lost_frames == 0
    repeated = sum(twice for _, twice in order)
    assert pipeline.counters.duplicate_frames == repeated * frames


@every_rate
@given(lost=st.sets(st.integers(1, 28)))
@settings(deadline=None, max_examples=15)
def test_a_lost_block_is_silence_and_is_counted(rate_hz, lost) -> None:
    dry, frames = noise(30 * 512), 512
    pipeline = open_stream(rate_hz, max_block_frames=512)
    out, silenced = [], dry.copy()
    for n in range(30):
        part = slice(n * frames, (n + 1) * frames)
        if n in lost:
            silenced[:, part] = 0.0
        else:
            out += pipeline.push(n * frames, dry[:, part])
    stems = joined(out + pipeline.flush())
    assert np.array_equal(stems, separate(open_stream(rate_hz), silenced))
    assert pipeline.counters.lost_frames == len(lost) * frames


def test_a_gap_waits_for_its_block_as_long_as_it_may_be_reordered() -> None:
    pipeline = open_stream(max_block_frames=512, reorder_frames=1024)
    dry = noise(4096)
    pipeline.push(0, dry[:, :512])
    assert pipeline.push(1024, dry[:, 1024:1536]) == []
    assert pipeline.counters.lost_frames == 0
    pipeline.push(512, dry[:, 512:1024])
    assert pipeline.position_samples == 1024
    pipeline.push(2048, dry[:, 2048:3072])
    assert pipeline.counters.lost_frames == 512


def test_a_block_that_comes_after_its_gap_was_given_up_is_ignored() -> None:
    pipeline = open_stream(max_block_frames=256, reorder_frames=0)
    out = pipeline.push(512, noise(1536))
    out += pipeline.push(0, noise(512))
    stems = joined(out + pipeline.flush())
    assert not stems[:, :, :512].any()
    assert pipeline.counters.lost_frames == 512
    assert pipeline.counters.duplicate_frames == 512


bad_values = st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40, 17.0])


@every_rate
@given(bad=st.dictionaries(st.integers(0, 9999), bad_values, min_size=1, max_size=20))
@settings(deadline=None, max_examples=15)
def test_bad_samples_never_leave_and_stems_sum_to_what_was_made_of_them(rate_hz, bad) -> None:
    dry = noise(10_000)
    repaired = dry.copy()
    for position, value in bad.items():
        dry[0, position] = value
        repaired[0, position] = np.clip(value, -16, 16) if np.isfinite(value) else 0.0
    repaired[np.abs(repaired) < 1e-38] = 0.0
    pipeline = open_stream(rate_hz)
    stems = separate(pipeline, dry)
    assert np.isfinite(stems).all()
    assert np.array_equal(stems, separate(open_stream(rate_hz), repaired))
    assert np.abs(stems.sum(axis=0) - repaired).max() <= 16 * LSB_24_BIT
    counted = sum(not abs(value) <= 16 for value in bad.values())
    assert pipeline.counters.sanitised_samples == counted


@pytest.mark.parametrize("wanted", [("other",), ("mix", "vocals"), ("drums", "mix", "other")])
def test_stems_come_in_the_order_asked_for(wanted) -> None:
    dry = noise(5000)
    everything = dict(zip(STEMS, separate(open_stream(), dry), strict=True), mix=dry)
    stems = separate(open_stream(stems=wanted), dry)
    assert np.array_equal(stems, np.stack([everything[stem] for stem in wanted]))


def test_the_remainder_may_stand_anywhere_in_a_model_s_stems() -> None:
    dry = noise(5000)
    stems = separate(open_stream(model_stems=("other", "vocals", "drums")), dry)
    assert np.allclose(stems, np.stack([0.25 * dry, 0.5 * dry, 0.25 * dry]), atol=1e-6)


def test_stems_can_change_between_blocks() -> None:
    pipeline, dry = open_stream(), noise(4096)
    first = pipeline.push(0, dry[:, :2048])
    pipeline.set_stems(("mix",))
    second = pipeline.push(2048, dry[:, 2048:])
    assert {block.stems for block in first} == {STEMS}
    assert {block.stems for block in second} == {("mix",)}
    assert np.array_equal(joined(second, 1536)[0], dry[:, 1536:3584])


def test_the_hot_path_does_not_grow() -> None:
    pipeline, dry = open_stream(48_000, max_block_frames=256), noise(256)
    for index in range(400):
        pipeline.push(256 * index, dry)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for index in range(400, 2400):
        pipeline.push(256 * index, dry)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000


class BrokenSeparator(RecursiveSeparator):
    def push(self, frames: np.ndarray) -> np.ndarray:
        return super().push(frames) * np.float32(np.nan)


def test_a_separator_that_gives_nan_is_an_error_not_audio() -> None:
    pipeline = open_stream(separator=BrokenSeparator(), model_stems=("vocals", "other"))
    with pytest.raises(SeparatorError, match="BrokenSeparator"):
        pipeline.push(0, noise(1024))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 3}, "1 or 2"),
        ({"rate_hz": 7000}, "8000 to 192000"),
        ({"stems": ("bass",)}, "bass: each once, of vocals, drums, other, mix"),
        ({"stems": ("vocals", "vocals")}, "each once"),
        ({"model_stems": ("vocals", "drums")}, "one remainder"),
        ({"model_stems": ("vocals", "other", "rest")}, "one remainder"),
    ],
)
def test_streams_that_cannot_be_are_refused(options, message) -> None:
    with pytest.raises(SignalError, match=message):
        open_stream(**options)


@pytest.mark.parametrize("shape", [(1, 10), (3, 10), (10,)])
def test_audio_of_another_shape_is_refused(shape) -> None:
    pipeline = open_stream()
    with pytest.raises(SignalError, match=r"\[2, n\]"):
        pipeline.push(0, np.zeros(shape, np.float32))
    with pytest.raises(SignalError, match=r"\[2, n\]"):
        pipeline.preroll(0, np.zeros(shape, np.float32))


def test_a_jump_is_refused_and_changes_nothing() -> None:
    pipeline, dry = open_stream(), noise(4096)
    out = pipeline.push(0, dry[:, :2048])
    with pytest.raises(SignalError, match="seek to jump"):
        pipeline.push(10 * 44_100, dry)
    out += pipeline.push(2048, dry[:, 2048:])
    assert np.array_equal(joined(out + pipeline.flush()), separate(open_stream(), dry))


def test_an_empty_block_is_nothing() -> None:
    pipeline = open_stream()
    assert pipeline.push(0, np.zeros((2, 0), np.float32)) == []
    assert push_all(pipeline, noise(512), [512]) == []
    assert pipeline.flush()
