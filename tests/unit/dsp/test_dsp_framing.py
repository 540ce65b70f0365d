"""Frames are what windows see of the joined signal, however it came."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from dsp.framing import FRAMES_AT_ONCE, cut_frames, move_on


def cut(past, samples, windows):
    size = windows.shape[1]
    hop = size - past.shape[1]
    frames = np.full((len(windows), len(past), samples.shape[1] // hop, size), np.nan, np.float32)
    for first in range(0, frames.shape[2], FRAMES_AT_ONCE):
        cut_frames(past, samples, windows, first, frames)
    move_on(past, samples)
    return frames


def noise(*shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    hop=st.integers(1, 9),
    before=st.integers(1, 30),
    counts=st.lists(st.integers(0, FRAMES_AT_ONCE + 3), max_size=5),
    windows=st.integers(1, 2),
    seed=st.integers(0, 2**16),
)
def test_frames_are_those_of_the_joined_signal(*, hop, before, counts, windows, seed):
    signal = noise(2, before + hop * sum(counts), seed=seed)
    shapes = noise(windows, before + hop, seed=seed + 1)
    past, at = signal[:, :before].copy(), before
    heard = []
    for count in counts:
        heard.append(cut(past, np.ascontiguousarray(signal[:, at : at + count * hop]), shapes))
        at += count * hop
        assert np.array_equal(past, signal[:, at - before : at])
    if not sum(counts):
        return
    views = sliding_window_view(signal, before + hop, axis=1)[:, ::hop]
    assert np.array_equal(np.concatenate(heard, axis=2), shapes[:, None, None] * views)


def test_only_so_many_frames_are_cut_at_once():
    frames = np.full((1, 1, FRAMES_AT_ONCE + 2, 3), np.nan, np.float32)
    samples = noise(1, FRAMES_AT_ONCE + 2, seed=0)
    cut_frames(np.zeros((1, 2), np.float32), samples, np.ones((1, 3), np.float32), 1, frames)
    assert np.isnan(frames[0, 0, [0, -1]]).all()
    assert np.isfinite(frames[0, 0, 1:-1]).all()
