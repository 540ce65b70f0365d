"""Backing vocals within the vocals: how much of them is found, and how clean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation.backing import backing_scores
from dsp.evaluation.metrics import usdr


def noise(seed, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal((2, 3000))).astype(np.float32)


LEAD, BACKING = noise(1), noise(2, 0.05)


@given(share=st.floats(0, 1), lead=st.floats(0.2, 1.5))
def test_recall_is_the_share_of_energy_whatever_becomes_of_the_lead(share, lead):
    estimate = np.float32(lead) * LEAD + np.float32(share) * BACKING
    found = backing_scores(LEAD + BACKING, BACKING, estimate)["backing_recall"]
    assert found == pytest.approx(share**2, abs=1e-3)


def test_bleed_hardly_counts_as_recall():
    found = backing_scores(LEAD + BACKING, BACKING, LEAD + noise(3, 0.05))
    assert found["backing_recall"] < 0.01


def test_recall_stays_between_none_and_all():
    for sign, recall in ((-1, 0), (2, 1)):
        found = backing_scores(LEAD + BACKING, BACKING, LEAD + sign * BACKING)
        assert found["backing_recall"] == pytest.approx(recall, abs=1e-6)


def test_the_ratio_is_of_what_is_left_without_the_lead():
    estimate = LEAD + 0.7 * BACKING + noise(3, 0.01)
    found = backing_scores(LEAD + BACKING, BACKING, estimate)["backing_usdr"]
    assert found == pytest.approx(usdr(BACKING, 0.7 * BACKING + noise(3, 0.01)), abs=1e-3)


def test_without_a_lead_the_backing_is_all():
    found = backing_scores(BACKING, BACKING, 0.5 * BACKING)
    assert found["backing_recall"] == pytest.approx(0.25)


def test_a_backing_that_doubles_the_lead_cannot_be_told_from_it():
    assert backing_scores(2 * LEAD, LEAD, LEAD)["backing_recall"] is None
