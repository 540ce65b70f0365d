"""The yardsticks of the kernels section do the same work as what they are held against."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import kernels
from benchmarks.kernels import numpy_overlap_add
from dsp.overlap_add import overlap_add


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@given(
    stems=st.integers(1, 5),
    channels=st.integers(1, 3),
    hop=st.integers(1, 16),
    overlap=st.integers(2, 5),
    unused=st.integers(0, 20),
    pushes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**16),
)
def test_numpy_and_numba_add_the_same(  # noqa: PLR0917 -- drawn by name
    stems, channels, hop, overlap, unused, pushes, seed
):
    """Over several pushes, so that what one leaves behind counts too."""
    generator = np.random.default_rng(seed)
    size = overlap * hop
    window = generator.random(size, np.float32)
    ring = np.zeros((stems, channels, overlap, hop), np.float32)
    buffer = np.zeros((stems, channels, size), np.float32)
    slot = 0
    for count in pushes:
        frames = generator.standard_normal((stems, channels, count, size + unused), np.float32)
        compiled = np.full((stems, channels, count * hop), np.nan, np.float32)
        plain = compiled.copy()
        overlap_add(frames, window, ring, slot, compiled)
        numpy_overlap_add(frames, window, buffer, plain)
        slot = (slot + count) % overlap
        close(compiled, plain)


@given(hop=st.integers(1, 8), overlap=st.integers(1, 4), count=st.integers(1, 8))
def test_the_numpy_way_is_the_textbooks(hop, overlap, count):
    """Against one long output into which every frame is added at its place."""
    generator = np.random.default_rng(0)
    size = overlap * hop
    window = generator.random(size, np.float32)
    frames = generator.standard_normal((1, 1, count, size), np.float32)
    textbook = np.zeros((count - 1) * hop + size, np.float32)
    for index in range(count):
        textbook[index * hop : index * hop + size] += frames[0, 0, index] * window
    finished = np.zeros((1, 1, count * hop), np.float32)
    buffer = np.zeros((1, 1, size), np.float32)
    numpy_overlap_add(frames, window, buffer, finished)
    close(finished[0, 0], textbook[: count * hop])
    close(buffer[0, 0, : size - hop], textbook[count * hop :])


def test_the_section_has_what_is_promised_of_it(monkeypatch):
    monkeypatch.setattr(kernels, "_ROUNDS", 3)
    monkeypatch.setattr(kernels, "_MEMCPY_BYTES", 2**20)
    section = kernels.measure_kernels()
    assert list(section) == ["overlap_add"]
    figures = section["overlap_add"]
    assert {"speedup_vs_numpy", "fraction_of_memcpy_bandwidth"} <= figures.keys()
    assert all(type(value) is float and value > 0 for value in figures.values())


def test_both_sides_take_turns_and_the_median_counts(monkeypatch):
    """A disturbance of one round does not become the kernel's time."""
    calls = []
    times = {"first": itertools.cycle([1.0, 1.0, 90.0]), "second": itertools.repeat(4.0)}

    def seconds(call):
        call()
        return next(times[calls[-1]])

    monkeypatch.setattr(kernels, "_ROUNDS", 9)
    monkeypatch.setattr(kernels, "_seconds", seconds)
    medians = kernels._interleaved_seconds(
        lambda: calls.append("first"), lambda: calls.append("second")
    )
    assert medians == (1.0, 4.0)
    assert calls == ["first", "second"] * 10, "the first pair warms up"


def test_a_copys_bandwidth_counts_what_is_read_and_written(monkeypatch):
    monkeypatch.setattr(kernels, "_MEMCPY_BYTES", 1000)
    monkeypatch.setattr(kernels, "_seconds", lambda _call: 0.5)
    assert kernels._memcpy_bytes_per_second() == pytest.approx(4000)
