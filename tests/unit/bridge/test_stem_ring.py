"""Stems come out at the position they belong to, once, or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.stem_ring import StemRing

CAPACITY = 64


def stems(first, frames, rows=2):
    """Return [stem, channel, frame] whose samples tell their position and row."""
    ramp = np.arange(first, first + frames, dtype=np.float32)
    return np.stack([(row + 1) * np.stack([ramp, -ramp]) for row in range(rows)])


def filled(first=0):
    return StemRing(("vocals", "other"), 2, CAPACITY, first)


@given(
    order=st.permutations(list(range(0, CAPACITY, 8))),
    lost=st.sets(st.integers(0, 7)),
    reads=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    origin=st.integers(-100, 10**6),
)
def test_any_order_of_arrival_reads_the_same_and_gaps_are_marked(order, lost, reads, origin):
    ring = filled(origin)
    for at in order:
        if at // 8 not in lost:
            assert ring.write(origin + at, ring.names, stems(origin + at, 8)) == 0
    position = origin
    for frames in reads:
        samples, valid = ring.read(ring.names, frames)
        at = np.arange(position - origin, position - origin + frames)
        arrived = (at < CAPACITY) & ~np.isin(at // 8, list(lost))
        assert np.array_equal(valid, np.broadcast_to(arrived, valid.shape))
        expected = stems(position, frames)
        assert np.array_equal(samples[:, :, arrived], expected[:, :, arrived])
        position += frames


def test_what_has_been_read_is_never_played_again():
    ring = filled()
    ring.write(0, ring.names, stems(0, 32))
    ring.read(ring.names, CAPACITY)
    _, valid = ring.read(ring.names, CAPACITY)
    assert not valid.any()


@pytest.mark.parametrize(
    ("position", "refused"), [(60, 40), (90, 10), (100, 0), (120, 0), (130, 6), (200, 40)]
)
def test_frames_too_late_or_too_early_are_refused_and_counted(position, refused):
    ring = filled(100)
    assert ring.write(position, ring.names, stems(position, 40)) == refused


def test_a_late_block_does_not_disturb_its_neighbours():
    ring = filled(100)
    ring.write(100, ring.names, stems(100, 20))
    ring.write(90, ring.names, stems(90, 10))
    samples, valid = ring.read(ring.names, 20)
    assert valid.all()
    assert np.array_equal(samples, stems(100, 20))


def test_a_stem_that_was_not_sent_is_marked_missing_alone():
    ring = filled()
    ring.write(0, ("other",), stems(0, 10, rows=1))
    _, valid = ring.read(ring.names, 10)
    assert valid.tolist() == [[False] * 10, [True] * 10]


def test_a_stem_may_be_added_while_it_runs():
    ring = filled()
    ring.write(0, ring.names, stems(0, 10))
    ring.add_rows(("other", "drums"))
    ring.write(10, ("drums",), stems(10, 10, rows=1))
    samples, valid = ring.read(ring.names, 20)
    assert ring.names == ("vocals", "other", "drums")
    assert valid[:, 0].tolist() == [True, True, False]
    assert valid[:, 15].tolist() == [False, False, True]
    assert np.array_equal(samples[:2, :, :10], stems(0, 10))


def test_only_the_named_stems_are_read_in_the_order_asked_for():
    ring = filled()
    ring.write(0, ring.names, stems(0, 10))
    samples, valid = ring.read(("other",), 10)
    assert valid.shape == (1, 10)
    assert np.array_equal(samples, stems(0, 10)[1:])


def test_reset_moves_the_read_position_and_forgets():
    ring = filled()
    ring.write(0, ring.names, stems(0, 40))
    ring.reset(20)
    _, valid = ring.read(ring.names, 20)
    assert not valid.any()
    assert ring.read_samples == 40


def test_written_end_never_trails_the_read_position():
    ring = filled()
    ring.write(0, ring.names, stems(0, 10))
    assert ring.written_samples == 10
    ring.read(ring.names, 30)
    assert ring.written_samples == 30


def test_a_ring_that_is_told_no_place_starts_at_the_beginning():
    ring = StemRing(("mix",), 1, 8)
    assert (ring.read_samples, ring.written_samples) == (0, 0)
    ring.write(0, ("mix",), np.ones((1, 1, 4), np.float32))
    samples, valid = ring.read(("mix",), 4)
    assert valid.all()
    assert np.all(samples == 1)
