"""``phoenix-stems evaluate``: from a folder of songs to a table and a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from server.commands import main

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for name in ("kar_one", "two"):
        (directory / name).mkdir()
        for stem in ("vocals", "drums"):
            samples = 0.1 * rng.standard_normal((3 * RATE_HZ, 2))
            soundfile.write(directory / name / f"{stem}.wav", samples, RATE_HZ, subtype="FLOAT")
    return directory


def evaluated(songs, tmp_path, *options):
    file = tmp_path / "scores.json"
    told = ["--model", "fixed-gains", "--no-open-unet", "--json", str(file)]
    assert main(["evaluate", str(songs), *told, *options]) == 0
    return json.loads(file.read_text())


def test_offline_in_process(songs, tmp_path, capsys):
    result = evaluated(songs, tmp_path, "--group", "kar_")
    assert (result["profile"], result["streamed"]) == ("offline", False)
    # Half of two equal and independent stems leaves an error of half the reference's energy.
    assert result["summary"]["vocals"]["usdr_mean"] == pytest.approx(3.01, abs=0.05)
    assert result["groups"]["kar_"]["summary"]["vocals"]["songs"] == 1
    assert "fixed-gains, profile offline, in process" in capsys.readouterr().out


def test_streamed_is_the_live_path_and_aligned(songs, tmp_path):
    result = evaluated(songs, tmp_path, "--streamed")
    assert (result["profile"], result["streamed"]) == ("live", True)
    offline = evaluated(songs, tmp_path)
    for streamed, direct in zip(result["songs"], offline["songs"], strict=True):
        for stem, scores in direct["stems"].items():
            assert streamed["stems"][stem]["usdr"] == pytest.approx(scores["usdr"], abs=1e-3)


@pytest.mark.parametrize("options", [["--model", "none"], ["--profile", "none"]])
def test_what_there_is_not_is_refused(songs, options, capsys):
    models = [] if "--model" in options else ["--model", "fixed-gains"]
    assert main(["evaluate", str(songs), "--no-open-unet", *models, *options]) == 1
    assert "there are: " in capsys.readouterr().err


def test_a_json_file_that_cannot_be_written_is_refused_before_any_work(songs, tmp_path, capsys):
    file = tmp_path / "missing" / "scores.json"
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(songs), "--model", "fixed-gains", "--json", str(file)])
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert "is not a folder" in printed.err
    assert not printed.out


def test_a_folder_without_songs_is_refused(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 1
    assert "no songs" in capsys.readouterr().err


def test_two_profiles_are_compared_and_reported(songs, tmp_path, capsys):
    page = tmp_path / "report.html"
    compared = evaluated(
        songs, tmp_path, "--model", "fixed-gains:live", "--group", "kar_", "--report", str(page)
    )
    assert [one["profile"] for one in compared["models"]] == ["offline", "live"]
    (pair,) = compared["differences"]
    assert (pair["model"], pair["over"]) == ("fixed-gains:live", "fixed-gains:offline")
    assert pair["parts"]["all songs"]["vocals"]["mean"] == pytest.approx(0, abs=1e-3)
    assert pair["parts"].keys() == {"all songs", "kar_", "others"}
    assert "fixed-gains:live over fixed-gains:offline" in capsys.readouterr().out
    text = page.read_text()
    assert text.count("<audio") == 2 * (1 + 3 * 2)  # mixture; true stems, and two models'
    assert "http" not in text.replace("data:", "")
    assert page.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert {one.name for one in tmp_path.iterdir()} == {"scores.json", "report.html", "report.png"}
