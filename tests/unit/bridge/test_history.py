"""The dry history is the end of everything ever written, whatever the blocks were."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.history import DryHistory

CAPACITY = 50


def ramp(first, frames):
    """Return [channel, frame] whose samples tell their own position."""
    return np.stack([np.arange(first, first + frames), -np.arange(first, first + frames)]).astype(
        np.float32
    )


@given(
    blocks=st.lists(st.integers(0, 120), max_size=20),
    origin=st.integers(0, 10**6),
    offset=st.integers(-200, 50),
    frames=st.integers(0, 200),
)
def test_it_reads_what_was_written_and_silence_elsewhere(blocks, origin, offset, frames):
    history, end = DryHistory(2, CAPACITY, origin), origin
    for block in blocks:
        history.write(ramp(end, block))
        end += block
    start = end + offset
    read = history.read(start, frames)
    positions = np.arange(start, start + frames)
    held = (positions >= max(origin, end - CAPACITY)) & (positions < end)
    assert np.array_equal(read, np.where(held, ramp(start, frames), 0))
    assert (history.start_samples, history.end_samples) == (max(origin, end - CAPACITY), end)


def test_reset_forgets():
    history = DryHistory(2, CAPACITY)
    history.write(ramp(0, 30))
    history.reset(10)
    assert not history.read(0, 60).any()


def test_what_is_read_is_a_copy():
    history = DryHistory(2, CAPACITY)
    history.write(ramp(0, 30))
    read = history.read(0, 30)
    history.write(ramp(30, CAPACITY))
    assert np.array_equal(read, ramp(0, 30))
