"""All measures of a song: which there are, where they are null, and where they come from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from dsp.evaluation.bleed import bleedless_and_fullness
from dsp.evaluation.dataset import RATE_HZ, Song, find_songs, load_song
from dsp.evaluation.log_wmse import log_wmse
from dsp.evaluation.musical_noise import musical_noise
from dsp.evaluation.report import render
from dsp.evaluation.runner import Contender, evaluate_all
from dsp.evaluation.scores import score, score_fully
from dsp.evaluation.seams import SeamGrid, seam_score
from dsp.evaluation.spectral_distance import l1_freq, multi_resolution_distance


def noise(seed, level=0.1, frames=RATE_HZ):
    return (level * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def song(name="a", backing=None):
    parts = {"vocals": noise(1), "instrumental": noise(2)}
    return Song(name, parts["vocals"] + parts["instrumental"], parts, backing)


def halves(mixture):
    return {"vocals": 0.5 * mixture, "instrumental": 0.5 * mixture}


def test_every_measure_is_that_of_its_module():
    one, grid = song(), SeamGrid(256)
    found = score_fully(one, halves(one.mixture), grid)["vocals"]
    reference, estimate = one.references["vocals"], 0.5 * one.mixture
    expected = {
        **score(one.references, halves(one.mixture))["vocals"],
        **bleedless_and_fullness(reference, estimate),
        "l1_freq": l1_freq(reference, estimate),
        "mrstft": multi_resolution_distance(reference, estimate),
        "musical_noise": musical_noise(reference, estimate),
        "log_wmse": log_wmse(one.mixture, reference, estimate),
        "seam_db": seam_score(reference, estimate, grid),
    }
    assert found == pytest.approx(expected)


def test_a_missing_stem_has_leakage_and_log_wmse_only():
    band = Song("a", noise(1), {"instrumental": noise(1)})
    found = score_fully(band, {"vocals": noise(2, 0.001), "instrumental": noise(1)})["vocals"]
    assert found.pop("log_wmse") > 20
    assert found.pop("leakage_re_mixture_db") == pytest.approx(-40, abs=0.1)
    assert found == {
        "usdr": None,
        "sdr": None,
        "si_sdr": None,
        "leakage_dbfs": pytest.approx(-60, abs=0.1),
    }


def test_backing_vocals_are_scored_where_they_are_heard():
    backed = song(backing=noise(5, 0.05))
    found = score_fully(backed, halves(backed.mixture))
    assert found["vocals"].keys() >= {"backing_recall", "backing_usdr"}
    assert "backing_recall" not in found["instrumental"]
    silent = song(backing=noise(5, 1e-6))
    assert "backing_recall" not in score_fully(silent, halves(silent.mixture))["vocals"]


def test_backing_vocals_are_read_from_their_file(tmp_path):
    (tmp_path / "song").mkdir()
    for number, stem in enumerate(("vocals", "backing_vocals", "drums")):
        path = tmp_path / "song" / f"{stem}.wav"
        soundfile.write(path, noise(number).T, RATE_HZ, subtype="FLOAT")
    (folder,) = find_songs(tmp_path)
    np.testing.assert_array_equal(load_song(folder).backing_vocals, noise(1))
    np.testing.assert_allclose(load_song(folder).references["vocals"], noise(0) + noise(1))


@pytest.mark.parametrize("frames", [1, 300, 5000])
def test_the_shortest_songs_are_scored_within_json(frames):
    parts = {"vocals": noise(1, frames=frames), "instrumental": noise(2, frames=frames)}
    short = Song("a", sum(parts.values()), parts, noise(3, frames=frames))
    contender = Contender("m", "p", streamed=False, separate=halves, seams=SeamGrid(512))
    (result,) = evaluate_all([short], [contender])
    json.dumps(result, allow_nan=False)


def test_contenders_share_songs_and_baselines_and_are_heard():
    heard, played = {}, []

    def half(mixture):
        played.append("half")
        return halves(mixture)

    contenders = [
        Contender("a", "live", streamed=True, separate=half, seams=SeamGrid(512)),
        Contender("b", "offline", streamed=False, separate=lambda _: song().references),
    ]
    results = evaluate_all(
        [song("x"), song("y")],
        contenders,
        peers={"open_unet": halves},
        listen=lambda one, by: heard.update({one.name: by.keys()}),
    )
    assert [result["model"] for result in results] == ["a", "b"]
    assert played == ["half", "half"]
    assert heard == {name: {"a:live, streamed", "b:offline"} for name in "xy"}
    first, second = (result["songs"][0] for result in results)
    assert first["baselines"] is second["baselines"]
    assert first["baselines"]["open_unet"]["vocals"]["usdr"] == first["stems"]["vocals"]["usdr"]
    assert results[0]["baselines"]["open_unet"]["vocals"]["songs"] == 2
    assert "seam_db" not in second["stems"]["vocals"]
    assert results[0]["summary"]["vocals"]["means"]["fullness"] == pytest.approx(
        first["stems"]["vocals"]["fullness"]
    )


def test_the_table_has_the_further_means():
    (result,) = evaluate_all([song()], [Contender("m", "p", streamed=False, separate=halves)])
    lines = {line.split("  ")[0]: line for line in render(result).splitlines()}
    means = result["summary"]
    for name in ("bleedless", "mrstft"):
        expected = [f"{means[stem]['means'][name]:.2f}" for stem in ("vocals", "instrumental")]
        assert lines[name].split()[1:] == expected
    assert "backing recall" not in lines
