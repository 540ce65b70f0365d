"""Laws of the rolling window for every hop, look-ahead, overlap, window and cross-fade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.windowed import MAXIMUM_WINDOW_SECONDS, WindowedSeparator
from dsp.separator import Lane, Profile

RATE_HZ = 100


@dataclass(frozen=True)
class Lengths:
    """Everything that a windowed separator is made from, in samples."""

    hop: int
    overlap: int
    look_ahead: int
    window: int
    cross_fade: int

    @property
    def delay(self):
        return self.overlap + self.look_ahead

    def separator(self, function, stems=("vocals",)):
        profile = Profile("any", self.hop, self.overlap, self.look_ahead, 0, Lane.BACKGROUND)
        return WindowedSeparator(
            function,
            stems=stems,
            profile=profile,
            rate_hz=RATE_HZ,
            window_samples=self.window,
            cross_fade_samples=self.cross_fade,
        )


@st.composite
def lengths(draw):
    hop, overlap = draw(st.integers(1, 12)), draw(st.integers(0, 10))
    look_ahead = draw(st.integers(0, 10))
    window = hop + overlap + look_ahead + draw(st.integers(0, 30))
    return Lengths(hop, overlap, look_ahead, window, draw(st.integers(0, min(overlap, hop))))


def music(samples, seed=0):
    return np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)


def entangled(window, keep):
    """Every sample depends on the whole window: nothing that is off by one stays unseen."""
    weights = np.arange(1, window.shape[1] + 1, dtype=np.float32)
    level = np.float32((window * weights).sum())
    return (level * window)[None, :, keep]


def smoothed(reach):
    kernel = np.ones(2 * reach + 1, np.float32) / (2 * reach + 1)

    def separate(window, keep):
        smooth = np.stack([np.convolve(channel, kernel)[reach:] for channel in window])
        smooth = smooth[:, : window.shape[1]]
        return smooth[None, :, keep].astype(np.float32)

    return separate


@given(sizes=lengths(), reach=st.integers(0, 20), hops=st.integers(1, 12))
def test_a_function_that_looks_no_further_than_the_window_is_computed_exactly(sizes, reach, hops):
    """What a sample depends on is in the window: on its right for the delay, less the fade."""
    assume(reach <= sizes.delay - sizes.cross_fade)
    assume(reach <= sizes.window - sizes.delay - sizes.hop)
    x = music(sizes.hop * hops)
    streamed = sizes.separator(smoothed(reach)).push(x)
    margin = sizes.delay + reach
    padded = np.pad(x, ((0, 0), (margin, 0)))
    at_once = smoothed(reach)(padded, slice(reach, reach + x.shape[1]))
    np.testing.assert_allclose(streamed, at_once, atol=1e-5)


@given(sizes=lengths(), parts=st.lists(st.integers(0, 4), max_size=6))
def test_any_partition_of_the_input_gives_the_same_bits(sizes, parts):
    x = music(sizes.hop * sum(parts))
    whole = sizes.separator(entangled).push(x)
    pushed, at = sizes.separator(entangled), 0
    for hops in parts:
        frames = hops * sizes.hop
        stems = pushed.push(x[:, at : at + frames])
        assert np.array_equal(stems, whole[..., at : at + frames])
        at += frames


@given(
    sizes=lengths(),
    before=st.integers(0, 5),
    history=st.integers(0, 15),
    after=st.integers(0, 5),
    position=st.integers(0, 1000),
)
def test_rebuilding_is_having_pushed_to_the_bit(sizes, before, history, after, position):
    past, rest = music(sizes.hop * history, seed=1), music(sizes.hop * after, seed=2)
    pushed, rebuilt = sizes.separator(entangled), sizes.separator(entangled)
    rebuilt.push(music(sizes.hop * before, seed=3))
    pushed.push(past)
    rebuilt.rebuild(past, position * sizes.hop)
    assert np.array_equal(rebuilt.push(rest), pushed.push(rest))


@given(sizes=lengths(), hops=st.integers(0, 8))
def test_rebuilding_runs_the_function_once_at_most(sizes, hops):
    runs = []

    def counted(window, keep):
        runs.append(keep)
        return entangled(window, keep)

    sizes.separator(counted).rebuild(music(sizes.hop * hops), 0)
    assert len(runs) == (sizes.cross_fade > 0)


@given(sizes=lengths(), hops=st.integers(1, 12))
def test_windows_end_with_their_hop_and_hold_what_came_before(sizes, hops):
    seen = []

    def watched(window, keep):
        seen.append((window.copy(), keep))
        return np.zeros((1, 2, keep.stop - keep.start), np.float32)

    x = music(sizes.hop * hops)
    sizes.separator(watched).push(x)
    history = np.pad(x, ((0, 0), (sizes.window, 0)))
    assert len(seen) == hops
    for run, (window, keep) in enumerate(seen, start=1):
        end = sizes.window + run * sizes.hop
        assert np.array_equal(window, history[:, end - sizes.window : end])
        assert sizes.window - keep.start == sizes.delay + sizes.hop
        assert keep.stop - keep.start == sizes.hop + sizes.cross_fade
        assert keep.stop <= sizes.window


@given(sizes=lengths(), hops=st.integers(2, 8))
def test_a_cross_fade_lies_between_the_two_runs_and_ends_at_the_newer(sizes, hops):
    runs = []

    def numbered(_window, keep):
        runs.append(len(runs) + 1)
        return np.full((1, 2, keep.stop - keep.start), float(runs[-1]), np.float32)

    stems = sizes.separator(numbered).push(music(sizes.hop * hops))
    for run in range(hops):
        hop = stems[0, :, run * sizes.hop : (run + 1) * sizes.hop]
        assert (hop[:, sizes.cross_fade :] == run + 1).all()
        fade = hop[0, : sizes.cross_fade]
        assert ((run < fade) & (fade < run + 1)).all()
        assert (np.diff(fade) > 0).all()


@given(sizes=lengths(), samples=st.integers(0, 40))
def test_only_whole_hops_are_taken_and_a_refusal_changes_nothing(sizes, samples):
    windowed, x = sizes.separator(entangled), music(3 * sizes.hop)
    windowed.push(x)
    if samples % sizes.hop:
        with pytest.raises(SignalError, match=rf"n \* {sizes.hop}\] expected"):
            windowed.push(music(samples))
        with pytest.raises(SignalError, match=f"position {samples}: a multiple of {sizes.hop}"):
            windowed.reset(samples)
    undisturbed = sizes.separator(entangled)
    undisturbed.push(x)
    assert np.array_equal(windowed.push(x), undisturbed.push(x))


@settings(max_examples=50)
@given(sizes=lengths(), over=st.integers(1, 5))
def test_lengths_that_break_the_promise_are_refused_by_name(sizes, over):
    least = sizes.hop + sizes.delay
    most = MAXIMUM_WINDOW_SECONDS * RATE_HZ
    for window in (least - over, most + over):
        wrong = Lengths(sizes.hop, sizes.overlap, sizes.look_ahead, window, sizes.cross_fade)
        with pytest.raises(SignalError, match=f"{least} to {most} allowed"):
            wrong.separator(entangled)
    longest = min(sizes.overlap, sizes.hop)
    wrong = Lengths(sizes.hop, sizes.overlap, sizes.look_ahead, sizes.window, longest + over)
    with pytest.raises(SignalError, match=f"0 to {longest} allowed"):
        wrong.separator(entangled)


def test_doubles_and_views_from_a_function_are_taken_as_single_precision():
    sizes = Lengths(4, 0, 0, 8, 0)
    answers = np.arange(8.0).reshape(1, 2, 4)
    stems = sizes.separator(lambda *_: answers[..., ::-1]).push(music(4))
    assert stems.dtype == np.float32
    assert np.array_equal(stems, answers[..., ::-1])
    assert np.array_equal(answers, np.arange(8.0).reshape(1, 2, 4))
