"""Intervals and paired differences: seeded, honest, and of the songs that both have."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.evaluation.comparison import compare, render_comparison
from dsp.evaluation.intervals import bootstrap_interval, differences, mean_intervals

values = st.lists(st.floats(-30, 30), min_size=2, max_size=20)


def result(model, *usdrs, names=None):
    rows = [
        {"name": name, "stems": {"vocals": {"usdr": usdr}}}
        for name, usdr in zip(names or "abcdefgh"[: len(usdrs)], usdrs, strict=True)
    ]
    return {"model": model, "profile": "live", "streamed": False, "songs": rows}


@given(values=values)
@settings(max_examples=20)
def test_an_interval_repeats_holds_the_mean_and_stays_within_the_values(values):
    low, high = bootstrap_interval(values)
    assert [low, high] == bootstrap_interval(values)
    assert min(values) - 1e-9 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= max(values) + 1e-9


@given(values=values, shift=st.floats(-10, 10))
@settings(max_examples=20)
def test_an_interval_moves_with_its_values(values, shift):
    moved = bootstrap_interval([value + shift for value in values])
    assert moved == pytest.approx([end + shift for end in bootstrap_interval(values)])


def test_an_interval_is_near_that_of_the_normal_distribution():
    drawn = np.random.default_rng(1).standard_normal(400)
    low, high = bootstrap_interval(list(drawn))
    error = 1.96 * drawn.std() / 20
    assert (low, high) == pytest.approx((drawn.mean() - error, drawn.mean() + error), abs=0.01)


@pytest.mark.parametrize("few", [[], [1.0]])
def test_one_song_tells_no_interval(few):
    assert bootstrap_interval(few) is None


def test_means_have_intervals_by_group_and_leave_null_out():
    rows = result("m", 1.0, None, 3.0, names=["k_a", "k_b", "c"])["songs"]
    found = mean_intervals(rows, ["k_"])
    assert found.keys() == {"all songs", "k_", "others"}
    assert found["all songs"]["vocals"] == bootstrap_interval([1.0, 3.0])
    assert found["k_"]["vocals"] is None


def test_differences_are_paired_song_by_song():
    """Songs differ by 20 dB, models by exactly 1: pairing leaves nothing to chance."""
    first, second = result("one", 0.0, 20.0, 10.0), result("two", 1.0, 21.0, 11.0)
    found = differences(first, second, [])["all songs"]["vocals"]
    assert found == {
        "songs": 3,
        "mean": 1.0,
        "interval": [1.0, 1.0],
        "median": 1.0,
        "better": 3,
        "of_song": {"a": 1.0, "b": 1.0, "c": 1.0},
    }


def test_songs_that_one_was_not_scored_on_do_not_count():
    found = differences(result("one", 1.0, None), result("two", 3.0, 5.0), [])
    assert found["all songs"]["vocals"]["of_song"] == {"a": 2.0}
    assert differences(result("one", None), result("two", 5.0), [])["all songs"] == {}


def test_other_songs_are_not_compared():
    with pytest.raises(ValueError, match="zip"):
        differences(result("one", 1.0), result("two", 1.0, 2.0), [])


def test_every_model_is_compared_with_those_before_it():
    models = [result(name, float(n), n + 1.0) for n, name in enumerate("xyz")]
    found = compare(models)
    pairs = [(pair["model"], pair["over"]) for pair in found["differences"]]
    assert pairs == [("y:live", "x:live"), ("z:live", "x:live"), ("z:live", "y:live")]
    assert found["bootstrap"] == {"seed": 0, "resamples": 10_000, "confidence": 0.95}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_table_shows_mean_interval_and_how_many_are_better():
    table = render_comparison(compare([result("x", 1.0, 2.0), result("y", 2.0, 1.5)]))
    line = table.splitlines()[1]
    expected = "y:live over x:live all songs vocals +0.25 -0.50 to +1.00 1/2"
    assert line.split() == expected.split()
