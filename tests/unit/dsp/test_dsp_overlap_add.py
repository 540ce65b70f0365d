"""The overlap-add kernel against plain numpy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsp.overlap_add as overlap_adding
from dsp.overlap_add import overlap_add, warm_up


def plain_overlap_add(frames: np.ndarray, window: np.ndarray, hop: int) -> np.ndarray:
    """Everything at once: [stem, channel, frame, sample] to [stem, channel, frame * hop]."""
    stems, channels, count, _ = frames.shape
    total = np.zeros((stems, channels, count * hop + window.size), np.float64)
    for index in range(count):
        newest = frames[:, :, index, -window.size :].astype(np.float64)
        total[..., index * hop : index * hop + window.size] += newest * window
    return total[..., : count * hop]


@given(
    stems=st.integers(1, 6),
    channels=st.integers(1, 3),
    hop=st.integers(1, 9),
    slots=st.integers(2, 5),
    older=st.integers(0, 7),
    pushes=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    seed=st.integers(0, 2**16),
)
@settings(deadline=None)
def test_kernel_equals_plain_numpy(  # noqa: PLR0917 - drawn by name
    stems, channels, hop, slots, older, pushes, seed
) -> None:
    rng = np.random.default_rng(seed)
    length = hop * slots
    frames = rng.standard_normal((stems, channels, sum(pushes), older + length)).astype(np.float32)
    window = rng.standard_normal(length).astype(np.float32)
    ring, slot, parts, at = np.zeros((stems, channels, slots, hop), np.float32), 0, [], 0
    for count in pushes:
        finished = np.full((stems, channels, count * hop), np.nan, np.float32)
        part = np.ascontiguousarray(frames[:, :, at : at + count])
        slot = overlap_add(part, window, ring, slot, finished)
        parts.append(finished)
        at += count
    expected = plain_overlap_add(frames, window, hop)
    assert np.allclose(np.concatenate(parts, axis=-1), expected, atol=1e-5)


def test_the_kernel_allocates_nothing() -> None:
    warm_up()
    frames = np.ones((4, 2, 1, 4096), np.float32)
    window, ring = np.ones(1024, np.float32), np.zeros((4, 2, 2, 512), np.float32)
    finished = np.zeros((4, 2, 512), np.float32)
    overlap_add(frames, window, ring, 0, finished)
    tracemalloc.start()
    for _ in range(200):
        overlap_add(frames, window, ring, 0, finished)
    growth, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert growth < 4096


def test_warming_up_leaves_nothing_to_compile_for_real_shapes() -> None:
    warm_up()
    known = len(overlap_add.signatures)
    ring, finished = np.zeros((4, 2, 2, 512), np.float32), np.zeros((4, 2, 1024), np.float32)
    overlap_add(np.ones((4, 2, 2, 4096), np.float32), np.ones(1024, np.float32), ring, 1, finished)
    assert len(overlap_add.signatures) == known


def test_warming_up_calls_the_kernel_once_within_its_contract(monkeypatch) -> None:
    """What the arrays are decides what is compiled; where they end, what a kernel may touch."""
    calls = []
    monkeypatch.setattr(overlap_adding, "overlap_add", lambda *arrays: calls.append(arrays))
    warm_up()
    ((frames, window, ring, slot, finished),) = calls
    assert {array.dtype for array in (frames, window, ring, finished)} == {np.dtype(np.float32)}
    assert all(array.flags.c_contiguous for array in (frames, window, ring, finished))
    stems, channels, count, length = frames.shape
    slots, hop = ring.shape[2:]
    assert ring.shape == (stems, channels, slots, hop)
    assert window.shape == (slots * hop,)
    assert length >= window.size
    assert 0 <= slot < slots
    assert finished.shape == (stems, channels, count * hop)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_the_slot_moves_on_by_the_number_of_frames(slot) -> None:
    ring, finished = np.zeros((1, 1, 3, 4), np.float32), np.zeros((1, 1, 8), np.float32)
    frames = np.ones((1, 1, 2, 12), np.float32)
    assert overlap_add(frames, np.ones(12, np.float32), ring, slot, finished) == (slot + 2) % 3
