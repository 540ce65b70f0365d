"""Re-running on a rolling window: alignment, partitions, rebuilding, seams, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.networks.windowed import WindowedSeparator, whole_window
from dsp.separator import Lane, Profile, Separator

HOP, OVERLAP, LOOK_AHEAD, WINDOW = 8, 4, 6, 64
RATE_HZ = 100


def profile(hop=HOP, overlap=OVERLAP, look_ahead=LOOK_AHEAD):
    return Profile("studio", hop, overlap, look_ahead, 0, Lane.BACKGROUND)


def smoother(reach):
    """A stem that averages ``reach`` samples on both sides, and one that is the input halved."""

    def separate(window):
        kernel = np.ones(2 * reach + 1, np.float32) / (2 * reach + 1)
        smooth = np.stack([np.convolve(channel, kernel, "same") for channel in window])
        return np.stack([smooth, 0.5 * window]).astype(np.float32)

    return whole_window(separate)


def separator(function=None, cross_fade=0, **lengths):
    return WindowedSeparator(
        function or smoother(LOOK_AHEAD),
        stems=("vocals", "other"),
        profile=profile(**lengths),
        rate_hz=RATE_HZ,
        window_samples=WINDOW,
        cross_fade_samples=cross_fade,
    )


def music(samples, seed=0):
    return np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)


def level_of_run():
    """Each run answers with its own number: every seam is a jump."""
    runs = []

    def separate(window, keep):
        runs.append(len(runs))
        return np.full((2, 2, keep.stop - keep.start), float(len(runs)), np.float32)

    return separate


def test_it_is_a_separator():
    assert isinstance(separator(), Separator)


@given(hops=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_every_partition_gives_the_whole_signal_delayed(hops):
    x = music(HOP * sum(hops))
    windowed = separator()
    parts = np.split(x, np.cumsum(hops)[:-1] * HOP, axis=1)
    streamed = np.concatenate([windowed.push(part) for part in parts], axis=2)
    delay = windowed.profile.delay_samples
    padded = np.pad(x, ((0, 0), (delay + LOOK_AHEAD, 0)))
    at_once = smoother(LOOK_AHEAD)(padded, slice(LOOK_AHEAD, LOOK_AHEAD + x.shape[1]))
    np.testing.assert_allclose(streamed, at_once, atol=1e-6)


@given(hops=st.integers(0, 20), cross_fade=st.sampled_from([0, 3, 4]))
def test_a_rebuilt_state_goes_on_with_the_same_bits(hops, cross_fade):
    x = music(HOP * (hops + 3))
    history, rest = x[:, : HOP * hops], x[:, HOP * hops :]
    pushed = separator(cross_fade=cross_fade)
    pushed.push(history)
    rebuilt = separator(cross_fade=cross_fade)
    rebuilt.push(music(40, seed=1))
    rebuilt.rebuild(history, HOP * 7)
    np.testing.assert_array_equal(rebuilt.push(rest), pushed.push(rest))


def test_later_input_never_changes_earlier_output():
    x = music(10 * HOP)
    y = x.copy()
    y[:, 5 * HOP :] += 1
    np.testing.assert_array_equal(
        separator().push(x)[..., : 5 * HOP], separator().push(y)[..., : 5 * HOP]
    )


def test_a_cross_fade_removes_the_jump_between_runs():
    hard = separator(level_of_run()).push(music(6 * HOP))
    faded = separator(level_of_run(), cross_fade=OVERLAP).push(music(6 * HOP))
    assert np.abs(np.diff(hard[..., HOP:])).max() == 1
    assert np.abs(np.diff(faded[..., HOP:])).max() < 0.5


def test_reset_forgets():
    x = music(4 * HOP)
    windowed = separator(cross_fade=2)
    first = windowed.push(x)
    windowed.reset(3 * HOP)
    np.testing.assert_array_equal(windowed.push(x), first)


def test_the_windows_a_function_gets_stay_as_they_were():
    windows = []

    def separate(window, keep):
        windows.append(window)
        return np.zeros((2, 2, keep.stop - keep.start), np.float32)

    x = music(12 * HOP)
    separator(separate).push(x)
    np.testing.assert_array_equal(windows[7], x[:, :WINDOW])
    np.testing.assert_array_equal(windows[8], x[:, HOP : HOP + WINDOW])


@pytest.mark.parametrize("shape", [(2, HOP + 1), (1, HOP), (2 * HOP,)])
def test_a_broken_hop_is_refused(shape):
    with pytest.raises(SignalError, match=r"\[2, n \* 8\] expected"):
        separator().push(np.zeros(shape, np.float32))


def test_a_position_off_the_grid_is_refused():
    with pytest.raises(SignalError, match="position 12: a multiple of 8 expected"):
        separator().reset(12)


def test_a_model_that_answers_in_another_shape_is_refused():
    broken = separator(lambda *_: np.zeros((1, 2, 5), np.float32))
    with pytest.raises(SignalError, match=r"\(1, 2, 5\): \(2, 2, 8\) expected"):
        broken.push(music(HOP))


@pytest.mark.parametrize("lengths", [{"look_ahead": 64}, {"hop": 128}])
def test_a_window_shorter_than_its_promise_is_refused(lengths):
    with pytest.raises(SignalError, match="window of 64 samples"):
        separator(**lengths)


def test_a_window_beyond_the_context_is_refused():
    with pytest.raises(SignalError, match="18 to 800 allowed"):
        WindowedSeparator(
            smoother(1), stems=(), profile=profile(), rate_hz=RATE_HZ, window_samples=801
        )


@pytest.mark.parametrize("cross_fade", [-1, OVERLAP + 1])
def test_a_cross_fade_that_the_overlap_does_not_cover_is_refused(cross_fade):
    with pytest.raises(SignalError, match="0 to 4 allowed"):
        separator(cross_fade=cross_fade)


@settings(max_examples=5)
@given(position=st.integers(-3, 9))
def test_any_hop_boundary_is_a_beginning(position):
    windowed = separator()
    windowed.reset(position * HOP)
    assert windowed.push(music(HOP)).shape == (2, 2, HOP)
