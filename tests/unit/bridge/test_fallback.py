"""Stems that are late are replaced without a click, and come back without one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.fallback import Fallback

RATE = 44100
FRAMES = 4000
NAMES = ("mix", "vocals")


def tone(hz, amplitude, frames=FRAMES):
    """Return [channel, frame]: a tone; its steps are bounded by its frequency."""
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(frames) / RATE)
    return np.stack([wave, -wave]).astype(np.float32)


def run(stems, valid, instead, cuts=()):
    """Apply the fallback block by block; ``cuts`` are where blocks end."""
    fallback = Fallback(NAMES, 2, RATE)
    edges = [0, *sorted(cuts), stems.shape[2]]
    return np.concatenate(
        [
            fallback.apply(stems[..., a:b], valid[:, a:b], instead[..., a:b])
            for a, b in itertools.pairwise(edges)
        ],
        axis=2,
    )


def mask(gaps):
    valid = np.ones((2, FRAMES), bool)
    for first, frames in gaps:
        valid[:, first : first + frames] = False
    return valid


STEMS = np.stack([tone(110, 0.9), tone(90, 0.8)])
INSTEAD = np.stack([tone(70, 1.0), np.zeros((2, FRAMES), np.float32)])
gap_lists = st.lists(st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 900)), max_size=5)
cut_lists = st.lists(st.integers(0, FRAMES), max_size=12)


@given(gaps=gap_lists, cuts=cut_lists)
def test_no_step_is_larger_than_the_signals_and_the_fade_allow(gaps, cuts):
    output = run(STEMS, mask(gaps), INSTEAD, cuts)
    fade_frames = math.ceil(0.005 * RATE)
    own = max(np.abs(np.diff(signal, axis=2)).max() for signal in (STEMS, INSTEAD))
    # Twice the largest amplitude between the two, over a raised cosine's steepest slope; two fades
    # may overlap.
    fade = 2 * 2 * 2.0 * np.pi / (2 * fade_frames)
    with_start = np.concatenate([np.zeros_like(output[..., :1]), output], axis=2)
    assert np.abs(np.diff(with_start, axis=2)).max() <= 3 * own + fade


@given(gaps=gap_lists, cuts=cut_lists)
def test_block_boundaries_make_no_difference(gaps, cuts):
    valid = mask(gaps)
    whole = run(STEMS, valid, INSTEAD)
    assert np.abs(run(STEMS, valid, INSTEAD, cuts) - whole).max() < 1e-6


def test_stems_that_are_there_come_out_bit_exact():
    assert np.array_equal(run(STEMS, mask([]), INSTEAD, (7, 256)), STEMS)


def test_after_the_fade_the_fallback_is_exact_and_so_are_the_stems_again():
    output = run(STEMS, mask([(1000, 1000)]), INSTEAD, (1000, 2000))
    assert np.array_equal(output[..., 1221:2000], INSTEAD[..., 1221:2000])
    assert np.array_equal(output[..., 2221:], STEMS[..., 2221:])


def test_a_hard_switch_would_have_been_seen():
    """The control of the click test: without fades the bound is broken."""
    hard = np.where(mask([(1000, 1000)])[:, None], STEMS, INSTEAD)
    own = max(np.abs(np.diff(signal, axis=2)).max() for signal in (STEMS, INSTEAD))
    assert np.abs(np.diff(hard, axis=2)).max() > 3 * own + 8 * np.pi / (2 * 221)


def test_one_row_may_be_missing_alone():
    valid = mask([])
    valid[1, 500:] = False
    output = run(STEMS, valid, INSTEAD, (500, 900))
    assert np.array_equal(output[0], STEMS[0])
    assert not output[1, :, 721:].any()


def test_what_was_never_written_cannot_leak():
    stems = np.full_like(STEMS, np.nan)
    valid = mask([(0, FRAMES)])
    with np.errstate(invalid="raise"):
        output = run(stems, valid, INSTEAD)
    assert np.array_equal(output, INSTEAD)


def test_a_jump_lets_the_last_sample_decay():
    fallback = Fallback(NAMES[:1], 2, RATE)
    ones = np.ones((1, 2, 300), np.float32)
    valid = np.ones((1, 300), bool)
    fallback.apply(ones, valid, ones)
    fallback.jump()
    output = fallback.apply(0 * ones, valid, ones)
    assert output[0, 0, 0] == pytest.approx(1.0, abs=1e-3)
    assert np.all(np.diff(output[0, 0]) <= 0)
    assert not output[0, :, 221:].any()


def test_a_stem_asked_for_later_fades_in():
    fallback = Fallback(NAMES[:1], 2, RATE)
    fallback.apply(STEMS[:1], mask([])[:1], INSTEAD[:1])
    fallback.rename(NAMES)
    ones = np.ones((2, 2, 400), np.float32)
    output = fallback.apply(ones, np.ones((2, 400), bool), np.zeros_like(ones))
    assert np.array_equal(output[0], ones[0])
    assert output[1, 0, 0] < 1e-3
    assert np.all(np.diff(output[1, 0]) >= 0)
    assert np.array_equal(output[1, :, 221:], ones[1, :, 221:])


def test_an_empty_block_is_empty():
    fallback = Fallback(NAMES, 2, RATE)
    output = fallback.apply(STEMS[..., :0], mask([])[:, :0], INSTEAD[..., :0])
    assert output.shape == (2, 2, 0)
