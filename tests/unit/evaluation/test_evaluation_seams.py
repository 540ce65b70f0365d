"""The seam score: errors at the edges, errors elsewhere, and where the edges are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.seams import SeamGrid, seam_score
from dsp.separator import Lane, Profile


def noise(seed, frames=40_000, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def clicking(signal, grid, level=1.0):
    clicks = signal.copy()
    clicks[:, grid.offset_samples :: grid.period_samples] += np.float32(level)
    return clicks


@given(period=st.integers(64, 3000), offset=st.integers(0, 5000))
@settings(max_examples=25)
def test_clicks_at_the_edges_are_heard_and_only_there(period, offset):
    grid, frames = SeamGrid(period, offset % period), 100 * period
    reference = noise(1, frames)
    even = reference + noise(2, frames, 0.01)
    assert seam_score(reference, clicking(even, grid), grid) < -10
    elsewhere = SeamGrid(period, (offset + period // 2) % period)
    assert seam_score(reference, clicking(even, elsewhere), grid) > 3


def test_even_errors_score_0():
    score = seam_score(
        noise(1, 400_000), noise(1, 400_000) + noise(2, 400_000, 0.03), SeamGrid(512)
    )
    assert score == pytest.approx(0, abs=0.2)


def test_a_score_worked_by_hand():
    """Period 8, reach 1: two samples in eight are beside an edge."""
    reference = np.ones((1, 800), np.float32)
    error = np.where(np.isin(np.arange(800) % 8, (7, 0)), 0.1, 0.01)
    found = seam_score(reference, (reference + error).astype(np.float32), SeamGrid(8))
    assert found == pytest.approx(-20, abs=1e-3)


@given(gain=st.floats(0.1, 10), shift=st.integers(0, 3))
def test_gains_and_whole_periods_do_not_matter(gain, shift):
    grid, reference = SeamGrid(400, 37), noise(1)
    estimate, factor = clicking(reference + noise(2, level=0.01), grid, 0.1), np.float32(gain)
    expected = seam_score(reference, estimate, grid)
    moved = SeamGrid(400, 37 + 400 * shift)
    assert seam_score(factor * reference, factor * estimate, moved) == pytest.approx(
        expected, abs=0.01
    )


def test_too_fine_a_grid_and_too_few_edges_have_none():
    assert seam_score(noise(1), noise(2), SeamGrid(7)) is None
    assert seam_score(noise(1, 800), noise(2, 800), SeamGrid(8)) is not None
    assert seam_score(noise(1, 799), noise(2, 799), SeamGrid(8)) is None


def test_edges_of_a_profile_are_its_hops_less_the_delay():
    profile = Profile("p", 512, 512, 100, 0, Lane.REALTIME)
    assert SeamGrid.of(profile) == SeamGrid(512, 512 - 100)
