"""Edges of evaluation: odd folders and songs, silence at its threshold, errors, the clock."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dsp.evaluation import runner
from dsp.evaluation.dataset import PARTS, RATE_HZ, DatasetError, Song, find_songs, load_song
from dsp.evaluation.metrics import level_dbfs, median_sdr, si_sdr, usdr
from dsp.evaluation.runner import evaluate, two_stems
from dsp.evaluation.scores import SILENCE_DBFS, score

FRAMES = RATE_HZ + 100  # one second that counts, and a little that does not


def noise(seed, level=0.1, frames=FRAMES):
    return (level * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def write(path, samples, rate_hz=RATE_HZ, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.T, rate_hz, **{"subtype": "FLOAT"} | options)


def loaded(directory):
    (folder,) = find_songs(directory)
    return load_song(folder)


def halves(mixture):
    return {"vocals": 0.5 * mixture, "other": 0.5 * mixture}


def evaluated(songs, separate=halves, **options):
    return evaluate(songs, separate, model="halves", profile="live", streamed=False, **options)


def song(name="a", **references):
    total = np.sum(list(references.values()), axis=0, dtype=np.float32)
    return Song(name, total, references)


@pytest.mark.parametrize("parts", [PARTS[:1], PARTS[2:5], PARTS])
def test_vocals_and_all_parts_sum_to_the_mixture(tmp_path, parts):
    signals = {name: noise(n) for n, name in enumerate(("vocals", "backing_vocals", *parts))}
    for name, samples in signals.items():
        write(tmp_path / "song" / f"{name}.wav", samples)
    found = loaded(tmp_path)
    np.testing.assert_allclose(found.mixture, sum(signals.values()), atol=1e-6)
    np.testing.assert_allclose(sum(found.references.values()), found.mixture, atol=1e-6)


def test_backing_vocals_alone_are_the_vocals(tmp_path):
    write(tmp_path / "song" / "backing_vocals.wav", noise(1))
    assert loaded(tmp_path).references.keys() == {"vocals"}


def test_a_mixture_alone_has_no_references(tmp_path):
    write(tmp_path / "song" / "mixture.wav", noise(1))
    found = loaded(tmp_path)
    assert found.references == {}
    scores = score(found.references, two_stems(halves(found.mixture)))
    assert {name: one["usdr"] for name, one in scores.items()} == {
        "vocals": None,
        "instrumental": None,
    }


def test_stems_of_several_rates_meet_at_44100(tmp_path):
    write(tmp_path / "song" / "vocals.wav", noise(1, frames=24000), 48000)
    write(tmp_path / "song" / "drums.wav", noise(2, frames=22050))
    write(tmp_path / "song" / "bass.flac", noise(3, frames=8000), 16000, subtype="PCM_16")
    found = loaded(tmp_path)
    assert found.mixture.shape == (2, 22050)
    assert found.seconds == 0.5


def test_a_mixture_longer_than_its_stems_is_kept_whole(tmp_path):
    write(tmp_path / "song" / "vocals.wav", noise(1, frames=500))
    write(tmp_path / "song" / "mixture.wav", noise(2, frames=800))
    found = loaded(tmp_path)
    assert found.mixture.shape == found.references["vocals"].shape == (2, 800)
    assert not found.references["vocals"][:, 500:].any()


def test_a_song_of_no_length_has_no_seconds(tmp_path):
    write(tmp_path / "song" / "vocals.wav", noise(1, frames=0))
    assert loaded(tmp_path).seconds == 0.0


def test_endings_may_be_capitals_and_hidden_files_are_left_alone(tmp_path):
    write(tmp_path / "song" / "vocals.WAV", noise(1), format="WAV")
    (tmp_path / "song" / ".vocals").write_text("")
    (tmp_path / "song" / "cover.jpg").write_text("")
    (tmp_path / "notes.wav").write_text("beside the songs")
    assert loaded(tmp_path).references.keys() == {"vocals"}


def test_a_file_is_no_folder_of_songs(tmp_path):
    write(tmp_path / "vocals.wav", noise(1))
    with pytest.raises(DatasetError, match=r"vocals\.wav: not a folder"):
        find_songs(tmp_path / "vocals.wav")
    with pytest.raises(DatasetError, match="no songs"):
        find_songs(tmp_path)


@pytest.mark.parametrize("stem", ["Vocals", "vocal", "mix", "guitar", "instrumental "])
def test_only_the_names_themselves_are_stems(tmp_path, stem):
    write(tmp_path / "song" / f"{stem}.wav", noise(1))
    with pytest.raises(DatasetError, match="no stem of that name; allowed: vocals, "):
        find_songs(tmp_path)


@pytest.mark.parametrize(("offset_db", "is_heard"), [(-0.5, False), (0.5, True)])
def test_silence_ends_at_its_threshold(offset_db, is_heard):
    level = np.float32(10 ** ((SILENCE_DBFS + offset_db) / 20))
    quiet = np.full((2, FRAMES), level)
    found = score({"vocals": quiet, "instrumental": noise(1)}, two_stems(halves(noise(1))))
    assert (found["vocals"]["usdr"] is not None) is is_heard
    assert ("leakage_dbfs" in found["vocals"]) is not is_heard


def test_leakage_is_the_level_of_what_should_be_silent():
    estimates = {"vocals": noise(1, 0.01), "instrumental": noise(2)}
    found = score({"instrumental": noise(2)}, estimates)
    assert found["vocals"] == {
        "usdr": None,
        "sdr": None,
        "si_sdr": None,
        "leakage_dbfs": level_dbfs(estimates["vocals"]),
    }
    assert found["instrumental"]["usdr"] > 80


def test_a_song_shorter_than_a_frame_has_no_framewise_figure():
    short = {"vocals": noise(1, frames=1000), "instrumental": noise(2, frames=1000)}
    found = evaluated([song(**short)])
    scores = found["songs"][0]["stems"]["vocals"]
    assert scores["sdr"] is None
    assert scores["usdr"] == usdr(short["vocals"], 0.5 * song(**short).mixture)
    json.dumps(found, allow_nan=False)


def test_a_perfect_stem_stays_within_json():
    """Its framewise figure would be infinite."""
    parts = {"vocals": noise(1), "instrumental": noise(2)}
    found = evaluated([song(**parts)], lambda _: parts)
    scores = found["songs"][0]["stems"]["vocals"]
    assert scores["sdr"] is None
    assert scores["usdr"] > 100
    json.dumps(found, allow_nan=False)


def test_silence_for_an_answer_is_scored_and_within_json():
    parts = {"vocals": noise(1), "instrumental": noise(2)}
    silence = {name: np.zeros_like(one) for name, one in parts.items()}
    found = evaluated([song(**parts)], lambda _: silence)
    assert found["songs"][0]["stems"]["vocals"]["usdr"] == pytest.approx(0, abs=1e-3)
    json.dumps(found, allow_nan=False)


def test_everything_but_the_vocals_is_the_instrumental():
    estimates = {name: np.full((2, 3), value) for name, value in zip("abc", (1, 2, 4), strict=True)}
    found = two_stems({"drums": estimates["a"], "vocals": estimates["b"], "other": estimates["c"]})
    assert list(found) == ["vocals", "instrumental"]
    assert np.array_equal(found["vocals"], estimates["b"])
    assert np.array_equal(found["instrumental"], np.full((2, 3), 5))


def test_the_real_time_factor_is_time_used_over_time_played(monkeypatch):
    ticks = iter([10.0, 10.5, 20.0, 21.0])
    monkeypatch.setattr(runner, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    parts = {"vocals": noise(1, frames=RATE_HZ), "instrumental": noise(2, frames=RATE_HZ)}
    found = evaluated([song("a", **parts), song("b", **parts)])
    assert found["realtime_factor"] == pytest.approx(1.5 / 2)


def test_songs_are_taken_one_at_a_time_and_errors_pass_through():
    taken = []

    def songs():
        for name in "abc":
            taken.append(name)
            yield song(name, vocals=noise(1), instrumental=noise(2))

    def fail_at_the_second(mixture):
        if len(taken) == 2:
            raise ConnectionError("server gone")
        return halves(mixture)

    with pytest.raises(ConnectionError, match="server gone"):
        evaluated(songs(), fail_at_the_second)
    assert taken == ["a", "b"]


@given(gain=st.floats(0.05, 0.95), seed=st.integers(0, 20))
def test_a_scaled_copy_has_the_ratio_of_its_error_in_every_measure_but_one(gain, seed):
    reference = noise(seed, frames=400)
    estimate = (np.float32(gain) * reference).astype(np.float32)
    expected = -20 * np.log10(1 - gain)
    assert usdr(reference, estimate) == pytest.approx(expected, abs=1e-3)
    assert median_sdr({"a": reference}, {"a": estimate}, 100)["a"] == pytest.approx(
        expected, abs=1e-3
    )
    assert si_sdr(reference, estimate) > 60


@given(gain=st.floats(0.01, 50), seed=st.integers(0, 20))
def test_levels_follow_gains(gain, seed):
    signal = noise(seed, frames=400)
    louder = level_dbfs((np.float32(gain) * signal).astype(np.float32))
    assert louder - level_dbfs(signal) == pytest.approx(20 * np.log10(gain), abs=1e-3)


def test_the_level_of_nothing_is_the_floor():
    assert level_dbfs(np.zeros((2, 0), np.float32)) == pytest.approx(-120)
