"""Summaries: edges of the histogram, what null does to means, and who belongs to which group."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation.baselines import BASELINES
from dsp.evaluation.report import render
from dsp.evaluation.summary import summarise

decibels = st.floats(-60, 60)
BINS = ["<0", "0-5", "5-10", "10-15", ">15"]


def heard(usdr, sdr=1.0, si_sdr=2.0):
    return {"usdr": usdr, "sdr": sdr, "si_sdr": si_sdr}


def silent(level):
    return {"usdr": None, "sdr": None, "si_sdr": None, "leakage_dbfs": level}


def song(name, vocals, instrumental=None):
    stems = {"vocals": vocals, "instrumental": instrumental or heard(3.0)}
    return {
        "name": name,
        "seconds": 1.0,
        "stems": stems,
        "baselines": dict.fromkeys(BASELINES, stems),
    }


def vocals_of(*scores):
    rows = [song(f"song {n}", score) for n, score in enumerate(scores)]
    return summarise(rows, [])["summary"]["vocals"]


@pytest.mark.parametrize(
    ("usdr", "name"),
    [
        (-1e9, "<0"),
        (-1e-12, "<0"),
        (-0.0, "0-5"),
        (0.0, "0-5"),
        (np.nextafter(5.0, 0.0), "0-5"),
        (5.0, "5-10"),
        (np.nextafter(10.0, 0.0), "5-10"),
        (10.0, "10-15"),
        (np.nextafter(15.0, 0.0), "10-15"),
        (15.0, ">15"),
        (1e9, ">15"),
    ],
)
def test_each_bin_begins_at_its_lower_edge(usdr, name):
    histogram = vocals_of(heard(float(usdr)))["histogram"]
    assert histogram == {one: int(one == name) for one in BINS}


@given(usdrs=st.lists(decibels, min_size=1, max_size=20), nulls=st.integers(0, 5))
def test_figures_are_those_of_the_songs_that_were_heard(usdrs, nulls):
    scores = [heard(usdr, usdr + 1, usdr - 1) for usdr in usdrs]
    summary = vocals_of(*scores, *[silent(-40.0 - n) for n in range(nulls)])
    assert summary["songs"] == len(usdrs) == sum(summary["histogram"].values())
    assert summary["usdr_mean"] == pytest.approx(np.mean(usdrs))
    assert summary["usdr_median"] == pytest.approx(np.median(usdrs))
    assert summary["sdr_median"] == pytest.approx(np.median(usdrs) + 1)
    assert summary["si_sdr_mean"] == pytest.approx(np.mean(usdrs) - 1)
    assert summary["leakage_dbfs_max"] == (-40.0 if nulls else None)


def test_where_nothing_was_heard_every_figure_is_null_and_no_bin_counts():
    summary = vocals_of(silent(-30.0), silent(-20.0))
    assert summary == {
        "songs": 0,
        "usdr_mean": None,
        "usdr_median": None,
        "sdr_median": None,
        "si_sdr_mean": None,
        "leakage_dbfs_max": -20.0,
        "histogram": dict.fromkeys(BINS, 0),
        "means": {},
    }


def test_a_measure_that_is_null_alone_leaves_the_others():
    summary = vocals_of(heard(4.0, sdr=None), heard(6.0, sdr=7.0))
    assert (summary["usdr_mean"], summary["sdr_median"], summary["songs"]) == (5.0, 7.0, 2)


def test_stems_are_summed_up_apart():
    rows = [song("a", heard(1.0), silent(-50.0)), song("b", silent(-60.0), heard(9.0))]
    summary = summarise(rows, [])["summary"]
    assert summary["vocals"]["usdr_mean"] == 1.0
    assert summary["instrumental"]["usdr_mean"] == 9.0
    assert summary["vocals"]["leakage_dbfs_max"] == -60.0
    assert summary["instrumental"]["leakage_dbfs_max"] == -50.0


def test_no_songs_have_no_stems():
    assert summarise([], []) == {"summary": {}, "baselines": {name: {} for name in BASELINES}}


@given(
    names=st.lists(st.text("ab", max_size=4), max_size=12),
    groups=st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3, unique=True),
)
def test_every_song_is_in_the_first_group_that_fits_or_among_the_others(names, groups):
    rows = [song(name, heard(float(n))) for n, name in enumerate(names)]
    found = summarise(rows, groups)["groups"]
    assert set(found) <= {*groups, "others"}
    counts = {group: part["summary"]["vocals"]["songs"] for group, part in found.items()}
    assert sum(counts.values()) == len(names)
    left = list(names)
    for group in groups:
        fitting = [name for name in left if name.startswith(group)]
        assert counts.get(group, 0) == len(fitting)
        left = [name for name in left if not name.startswith(group)]
    assert counts.get("others", 0) == len(left)
    assert all(counts.values())


def test_groups_have_baselines_of_their_own():
    rows = [song("mir_a", heard(2.0)), song("b", heard(8.0))]
    groups = summarise(rows, ["mir_"])["groups"]
    assert list(groups) == ["mir_", "others"]
    for name in BASELINES:
        assert groups["mir_"]["baselines"][name]["vocals"]["usdr_mean"] == 2.0
        assert groups["others"]["baselines"][name]["vocals"]["usdr_mean"] == 8.0


def result(rows, groups=(), factor=0.25, *, streamed=False):
    return {
        "model": "halves",
        "profile": "offline",
        "streamed": streamed,
        "songs": rows,
        **summarise(rows, groups),
        "realtime_factor": factor,
    }


def test_results_are_plain_json_whatever_is_null():
    rows = [song("a", silent(-120.0), heard(1.0, sdr=None)), song("b", heard(3.0))]
    whole = result(rows, ["a"], factor=None)
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


def test_the_table_has_a_line_for_each_song_of_one_width_at_most():
    rows = [song("a name that is far too long for its column", heard(1.234)), song("b", heard(2.0))]
    lines = render(result(rows)).splitlines()
    assert lines[0] == "halves, profile offline, in process"
    assert lines[4].startswith("a name that is far too long ")
    assert "1.23" in lines[4]
    assert len(lines[4]) == len(lines[5]) == len(lines[3])
    assert lines[-1] == "real-time factor 0.250"


def test_the_table_shows_null_as_a_dash_and_silence_as_leakage():
    lines = render(result([song("a", silent(-61.25), heard(1.0, sdr=None))])).splitlines()
    assert "leakage    -61.2" in lines[4]
    assert lines[4].split()[-3:] == ["1.00", "-", "2.00"]
    assert "-        -        0" in lines[6 + 1]


def test_a_run_without_a_factor_shows_none_and_a_streamed_one_says_so():
    table = render(result([song("a", heard(1.0))], factor=None, streamed=True))
    assert "real-time factor" not in table
    assert table.startswith("halves, profile offline, streamed")
