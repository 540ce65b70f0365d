"""The result's shape is a contract; its numbers are those of the measures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dsp.evaluation.dataset import RATE_HZ, Song
from dsp.evaluation.metrics import usdr
from dsp.evaluation.report import render
from dsp.evaluation.runner import evaluate, two_stems
from dsp.evaluation.scores import score


def noise(seed, level=0.1, seconds=2):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((2, seconds * RATE_HZ))).astype(np.float32)


def song(name, vocals_level=0.1, seed=0):
    references = {"vocals": noise(seed, vocals_level), "instrumental": noise(seed + 1)}
    return Song(name, references["vocals"] + references["instrumental"], references)


def halves(mixture):
    return {"vocals": 0.5 * mixture, "drums": 0.25 * mixture, "other": 0.25 * mixture}


def evaluated(songs, **options):
    return evaluate(songs, halves, model="halves", profile="live", streamed=True, **options)


@pytest.fixture(scope="module")
def result():
    songs = [song("mir1k_a"), song("mir1k_b", 0.3, seed=5), song("silent", 0.0, seed=7)]
    return evaluated(songs, groups=["mir1k_"])


def test_the_contract(result):
    assert result.keys() >= {"model", "profile", "streamed", "songs", "summary", "realtime_factor"}
    assert (result["model"], result["profile"], result["streamed"]) == ("halves", "live", True)
    row = result["songs"][0]
    assert (row["name"], row["seconds"]) == ("mir1k_a", 2.0)
    assert row["stems"].keys() == {"vocals", "instrumental"}
    assert row["stems"]["vocals"].keys() >= {"usdr", "sdr", "si_sdr"}
    summary = result["summary"]["vocals"]
    assert summary.keys() >= {"usdr_mean", "usdr_median", "sdr_median", "histogram"}
    assert summary["histogram"].keys() == {"<0", "0-5", "5-10", "10-15", ">15"}
    assert result["realtime_factor"] > 0
    json.dumps(result, allow_nan=False)


def test_scores_are_the_measures(result):
    first = song("mir1k_a")
    found = result["songs"][0]["stems"]
    assert found["vocals"]["usdr"] == usdr(first.references["vocals"], 0.5 * first.mixture)
    rest = usdr(first.references["instrumental"], 0.5 * first.mixture)
    assert found["instrumental"]["usdr"] == pytest.approx(rest)


def test_a_silent_reference_has_null_and_its_leakage(result):
    vocals = result["songs"][2]["stems"]["vocals"]
    assert vocals["usdr"] is vocals["sdr"] is vocals["si_sdr"] is None
    assert vocals["leakage_dbfs"] == pytest.approx(-26.0, abs=0.1)  # half of a level of 0.1


def test_a_missing_reference_counts_as_silent():
    mixture = noise(3)
    scores = score({"instrumental": mixture}, two_stems(halves(mixture)))
    assert scores["vocals"]["usdr"] is None
    assert scores["vocals"]["leakage_dbfs"] == pytest.approx(-26.0, abs=0.1)
    assert scores["instrumental"]["usdr"] == pytest.approx(6.02, abs=0.01)


def test_means_leave_null_out(result):
    usdrs = [row["stems"]["vocals"]["usdr"] for row in result["songs"][:2]]
    summary = result["summary"]["vocals"]
    assert summary["songs"] == 2
    assert summary["usdr_mean"] == pytest.approx(np.mean(usdrs))
    assert summary["usdr_median"] == pytest.approx(np.median(usdrs))
    assert sum(summary["histogram"].values()) == 2


def test_histogram_counts_by_5_db():
    perfect = evaluate(
        [song("a")],
        lambda _: {**song("a").references},
        model="",
        profile="",
        streamed=False,
    )
    assert perfect["summary"]["vocals"]["histogram"][">15"] == 1
    assert perfect["summary"]["vocals"]["histogram"]["0-5"] == 0


def test_baselines_stand_beside(result):
    assert result["baselines"].keys() == {
        "mixture",
        "constant_gain",
        "centre",
        "harmonic_percussive",
        "ideal_ratio_mask",
        "ideal_complex_mask",
    }
    first = song("mir1k_a")
    found = result["songs"][0]["baselines"]["mixture"]["vocals"]["usdr"]
    assert found == usdr(first.references["vocals"], first.mixture)
    assert result["baselines"]["mixture"]["vocals"]["songs"] == 2


def test_groups_are_by_beginning_of_name(result):
    groups = result["groups"]
    assert groups.keys() == {"mir1k_", "others"}
    assert groups["mir1k_"]["summary"]["vocals"]["songs"] == 2
    assert (
        groups["others"]["summary"]["vocals"] | {"songs": 0, "usdr_mean": None}
        == (groups["others"]["summary"]["vocals"])
    )
    assert "groups" not in evaluated([song("a")])


def test_the_table_names_songs_scores_and_baselines(result):
    table = render(result)
    assert "halves, profile live, streamed" in table
    assert f"{result['songs'][1]['stems']['vocals']['usdr']:9.2f}" in table
    assert "leakage" in table
    for name in ("constant gain", "centre", "mixture", "mir1k_", "others", "real-time factor"):
        assert name in table


def test_no_songs_is_an_empty_result():
    result = evaluated([])
    assert result["songs"] == []
    assert result["realtime_factor"] is None
    assert "halves" in render(result)
