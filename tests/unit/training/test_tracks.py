import numpy as np
import pytest
from synthetic_audio import tone, write_audio

from dsp.training.errors import TrainingDataError
from dsp.training.manifest import training_entries
from dsp.training.pcm_cache import store_pcm
from dsp.training.prepare import TEACHER_VOCALS, Judgement
from dsp.training.session import split
from dsp.training.tracks import build_library, clean_backing


def test_a_songs_stems_sum_to_its_mixture(song_folder, cache):
    library = build_library(training_entries(song_folder), cache, lambda _: True)
    song = next(s for s in library.songs["stems"] if s.name == "first")
    expected = tone(300, 2.0) + tone(900, 2.0) + tone(100, 2.0)
    mixture = song.vocals.read(0, 4410) + song.band.read(0, 4410)
    np.testing.assert_allclose(mixture.T, expected[:4410], atol=1e-4)
    assert len(song.band.parts) == 2


def test_a_mono_band_counts_as_karaoke(tmp_path, cache):
    for stem in ("vocals", "instrumental"):
        write_audio(tmp_path / "songs" / "k" / f"{stem}.wav", tone(300, 1.0, channels=1))
    library = build_library(training_entries(tmp_path / "songs"), cache, lambda _: True)
    assert [song.name for song in library.songs["karaoke"]] == ["k"]
    assert not library.songs["stems"]


def test_stems_without_vocals_become_a_backing(song_folder, cache):
    (song_folder / "first" / "vocals.wav").unlink()
    library = build_library(training_entries(song_folder), cache, lambda _: True)
    assert [track.name for track in library.backings] == ["first"]
    assert [song.name for song in library.songs["stems"]] == ["second"]


def test_a_teachers_song_sums_to_the_recording(write_manifest, cache):
    folder = write_manifest([("songs/a.wav", "train", "research", "song", "")])
    entries = training_entries(folder)
    vocals = 0.3 * cache.open(entries[0].path).read(0, 44100)
    store_pcm(vocals.T, cache.path_of(entries[0].path, TEACHER_VOCALS))
    (song,) = build_library(entries, cache, lambda _: True).songs["teacher"]
    mixture = song.vocals.read(0, 44100) + song.band.read(0, 44100)
    np.testing.assert_allclose(mixture, cache.open(entries[0].path).read(0, 44100), atol=1e-6)
    np.testing.assert_allclose(song.vocals.read(0, 44100), vocals, atol=1e-4)
    assert song.vocals.estimated
    assert song.band.estimated


def test_backings_that_sing_are_left_out(write_manifest, cache):
    rows = [("b/sings.wav", "train", "permissive", "backing", "")]
    rows += [("b/plays.wav", "train", "permissive", "backing", "")]
    rows += [("v/a.wav", "train", "permissive", "voice_sung", "")]
    library = build_library(
        training_entries(write_manifest(rows)), cache, lambda entry: entry.path.stem == "plays"
    )
    assert [track.name for track in library.backings] == ["plays"]


@pytest.mark.parametrize(
    ("median_db", "loudest_db", "clean"),
    [(-30.0, -10.0, True), (-19.0, -10.0, False), (-30.0, -5.0, False), (-20.0, -6.0, True)],
)
def test_a_backing_is_clean_within_both_limits(median_db, loudest_db, clean):
    judgement = Judgement(median_db, loudest_db)
    assert clean_backing(judgement, median_db=-20.0, loudest_db=-6.0) is clean


def test_nothing_to_mix_is_an_error(write_manifest, cache):
    folder = write_manifest([("b/a.wav", "train", "permissive", "backing", "")])
    with pytest.raises(TrainingDataError, match="to mix"):
        build_library(training_entries(folder), cache, lambda _: True)


def test_a_song_kept_aside_is_never_trained_on(song_folder):
    entries = training_entries(song_folder)
    training, aside = split(entries, ["first"])
    assert {entry.song for entry in aside} == {"first"}
    assert {entry.song for entry in training} == {"second"}
    assert len(training) + len(aside) == len(entries)


def test_nothing_is_kept_aside_unasked(song_folder):
    entries = training_entries(song_folder)
    assert split(entries, []) == (entries, ())
