import numpy as np
import pytest

from dsp.networks.registry import load_model
from dsp.training.pcm_cache import RATE_HZ, Recording
from dsp.training.tracks import Library, Song, Track
from dsp.training.validation import (
    Excerpt,
    best_gain,
    excerpts,
    marks_db,
    means_db,
    played_live,
    scores_db,
)


def track(samples):
    pcm = np.rint(samples * 32767).astype(np.int16)
    return Track("t", ((Recording(pcm.T), 1.0),))


def noise(frames, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((2, frames))).astype(np.float32)


def excerpt(pool="stems", name="a"):
    vocals = noise(1000)
    return Excerpt(name, pool, vocals, vocals + noise(1000, seed=1))


def test_the_stretch_with_the_loudest_vocals_is_scored():
    vocals = 0.01 * noise(4 * RATE_HZ)
    vocals[:, 2 * RATE_HZ : 3 * RATE_HZ] *= 50
    song = Song("a", track(vocals), track(noise(4 * RATE_HZ, 1)))
    (cut,) = excerpts(Library({"stems": (song,)}, {}, ()), seconds=1.0)
    np.testing.assert_allclose(cut.vocals, vocals[:, 2 * RATE_HZ : 3 * RATE_HZ], atol=1e-4)
    assert cut.mixture.shape == cut.vocals.shape


def test_a_short_song_is_scored_whole():
    song = Song("a", track(noise(500)), track(noise(500, 1)))
    (cut,) = excerpts(Library({"karaoke": (song,)}, {}, ()), seconds=1.0)
    assert cut.vocals.shape == (2, 500)
    assert cut.pool == "karaoke"


def test_full_mixes_and_karaoke_are_reported_apart():
    songs = [excerpt("stems", "a"), excerpt("teacher", "b"), excerpt("karaoke", "c")]
    means = means_db({"a": 1.0, "b": 3.0, "c": 9.0}, songs)
    assert means == {"full_db": 2.0, "stems_db": 1.0, "teacher_db": 3.0, "karaoke_db": 9.0}


def test_a_group_without_songs_has_no_mean():
    assert np.isnan(means_db({"a": 1.0}, [excerpt()])["karaoke_db"])


def test_scores_are_each_songs_own():
    songs = [excerpt(name="a"), excerpt(name="b")]
    scores = scores_db(lambda mixture: 0.0 * mixture, songs)
    assert scores == pytest.approx({"a": 0.0, "b": 0.0}, abs=1e-6)


def test_no_other_gain_beats_the_best():
    song = excerpt()
    best = np.square(best_gain(song) - song.vocals).sum()
    gains = np.linspace(0, 1, 101, dtype=np.float32)
    assert all(best <= np.square(g * song.mixture - song.vocals).sum() + 1e-4 for g in gains)


class Perfect:
    def __init__(self, songs):
        self._songs = songs

    def vocals_of(self, mixture):
        return next(s.vocals for s in self._songs if s.mixture is mixture)


def test_marks_are_worked_out_once(tmp_path):
    songs = [excerpt("stems", "a"), excerpt("karaoke", "c")]
    path = tmp_path / "marks.json"
    marks = marks_db(songs, Perfect(songs), lambda mixture: 0.0 * mixture, path)
    assert marks["teacher stems"] > 60.0
    assert 0.0 < marks["best gain full"] < 6.0
    assert marks["rocknet live full"] == pytest.approx(0.0, abs=1e-6)
    assert marks_db([], None, None, path) == marks


@pytest.mark.parametrize("frames", [1, 511, 512, 5000])
def test_what_is_played_live_is_put_back_in_its_place(frames):
    separator = load_model("fixed-gains").separator("live")
    mixture = noise(frames)
    np.testing.assert_allclose(played_live(separator)(mixture), 0.5 * mixture, atol=1e-6)
