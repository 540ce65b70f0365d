"""Reblocking against brute force: every pair of block sizes, exact delay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.reblock import BlockAdapter, Reblocker, SampleFifo, reblocking_delay_samples

blocks = st.lists(st.integers(0, 50), min_size=1, max_size=30)


def count_up(start: int, frames: int) -> np.ndarray:
    line = np.arange(start, start + frames, dtype=np.float32)
    return np.stack([line, -line])


@given(blocks=blocks, hop=st.integers(1, 40))
@settings(deadline=None)
def test_hops_come_out_whole_in_order_and_at_once(blocks, hop) -> None:
    reblocker, pushed, out = Reblocker((2,), hop), 0, 0
    for frames in blocks:
        hops = reblocker.push(count_up(pushed, frames))
        pushed += frames
        assert np.array_equal(hops, count_up(out, hops.shape[1]))
        out += hops.shape[1]
        assert out == pushed // hop * hop
        assert reblocker.held_samples == pushed - out


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), max_size=30))
@settings(deadline=None)
def test_fifo_keeps_order_however_it_is_cut(steps) -> None:
    fifo, pushed, popped = SampleFifo((2,)), 0, 0
    for frames, share in steps:
        fifo.push(count_up(pushed, frames))
        pushed += frames
        taken = int(share * len(fifo))
        assert np.array_equal(fifo.pop(taken), count_up(popped, taken))
        popped += taken
        assert len(fifo) == pushed - popped


def test_what_is_taken_as_it_was_given_is_not_copied() -> None:
    fifo, whole, rest = SampleFifo((2,)), count_up(0, 8), count_up(8, 5)
    fifo.push(whole)
    fifo.push(rest)
    assert fifo.pop(8) is whole
    assert np.array_equal(fifo.pop(2), count_up(8, 2))
    assert np.shares_memory(fifo.pop(3), rest)


def answers_every_block(blocks, hop: int, delay: int) -> bool:
    """Whether the delay suffices; what comes out must be the input, delayed."""
    reblocker, adapter, position = Reblocker((2,), hop), BlockAdapter((2,), delay), 0
    for frames in blocks:
        adapter.push(reblocker.push(count_up(position + 1, frames)))
        try:
            answer = adapter.pop(frames)
        except SignalError:
            return False
        expected = count_up(position + 1 - delay, frames)
        expected[:, : max(0, min(frames, delay - position))] = 0.0
        assert np.array_equal(answer, expected)
        position += frames
    return True


def test_the_delay_for_constant_blocks_is_exact_for_all_pairs() -> None:
    for hop in range(1, 33):
        for block in range(1, 33):
            delay = reblocking_delay_samples(hop, block)
            assert answers_every_block([block] * 40, hop, delay), (hop, block)
            if delay:
                assert not answers_every_block([block] * 40, hop, delay - 1), (hop, block)


@given(blocks=blocks, hop=st.integers(1, 40))
@settings(deadline=None)
def test_the_delay_for_changing_blocks_always_suffices(blocks, hop) -> None:
    assert answers_every_block(blocks, hop, reblocking_delay_samples(hop))


@pytest.mark.parametrize("hop", [2, 7, 40])
def test_the_delay_for_changing_blocks_is_reached(hop) -> None:
    assert not answers_every_block([hop - 1], hop, reblocking_delay_samples(hop) - 1)


def test_reset_and_clear_forget_what_is_held() -> None:
    reblocker = Reblocker((2,), 8)
    reblocker.push(count_up(0, 5))
    reblocker.reset()
    assert np.array_equal(reblocker.push(count_up(100, 8)), count_up(100, 8))


def test_wrong_shapes_and_too_large_pops_are_refused() -> None:
    fifo = SampleFifo((2,))
    with pytest.raises(SignalError, match="expected"):
        fifo.push(np.zeros((1, 4), np.float32))
    with pytest.raises(SignalError, match="0 are held"):
        fifo.pop(1)
    with pytest.raises(SignalError):
        fifo.pop(-1)


def test_every_leading_axis_is_kept():
    fifo = SampleFifo((2, 3))
    samples = np.arange(2 * 3 * 9, dtype=np.float32).reshape(2, 3, 9)
    fifo.push(samples[..., :3])
    assert fifo.pop(0).shape == (2, 3, 0)
    fifo.push(samples[..., 3:])
    np.testing.assert_array_equal(fifo.pop(9), samples)
