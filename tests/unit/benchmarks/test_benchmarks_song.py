"""The bundled song is what its card says: thirty seconds, licensed, with stems that sum."""

import importlib
from importlib.resources import files

import numpy as np
import pytest

from benchmarks import song as song_module
from benchmarks.song import Song, bundled_song

FADE_SAMPLES = 882  # 20 ms


@pytest.fixture(scope="module")
def song():
    return bundled_song()


def test_it_is_thirty_seconds_of_stereo_at_the_models_rate(song):
    assert song.rate_hz == 44_100
    assert song.vocals.shape == song.instrumental.shape == (2, 30 * 44_100)
    assert song.vocals.dtype == song.instrumental.dtype == np.float32


def test_blocks_can_be_cut_without_a_copy(song):
    assert song.vocals.flags.c_contiguous
    assert song.instrumental.flags.c_contiguous


def test_the_mixture_is_the_sum_of_the_stems_and_does_not_clip(song):
    np.testing.assert_array_equal(song.mixture, song.vocals + song.instrumental)
    assert np.abs(song.mixture).max() <= 1.0


def test_voice_and_band_sound_together(song):
    """Most seconds hold both, within 30 dB of each other, or there would be nothing to separate."""
    seconds = (2, 30, 44_100)
    vocals = np.sqrt((song.vocals.reshape(seconds) ** 2).mean(axis=(0, 2)))
    band = np.sqrt((song.instrumental.reshape(seconds) ** 2).mean(axis=(0, 2)))
    together = (vocals > band / 30) & (band > vocals / 30) & (band > 1e-3)
    assert together.sum() >= 15


def test_stems_are_not_one_another(song):
    vocals, band = song.vocals.ravel(), song.instrumental.ravel()
    assert abs(np.corrcoef(vocals, band)[0, 1]) < 0.2


def test_both_ends_are_faded(song):
    for samples in (song.vocals, song.instrumental):
        loud = np.abs(samples).max()
        assert np.abs(samples[:, :16]).max() < 0.02 * loud
        assert np.abs(samples[:, -16:]).max() < 0.02 * loud


def test_the_licence_lies_beside_it():
    folder = files("benchmarks") / "songs"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC0-1.0" in text
    assert "Francium" in text
    assert sorted(item.name for item in (folder / "francium").iterdir()) == [
        "instrumental.ogg",
        "vocals.ogg",
    ]


def test_an_excerpt_is_the_beginning_of_every_stem():
    stems = np.arange(80, dtype=np.float32).reshape(2, 2, 20)
    excerpt = Song("a", 10, *stems).excerpt(1.5)
    np.testing.assert_array_equal(excerpt.vocals, stems[0, :, :15])
    np.testing.assert_array_equal(excerpt.instrumental, stems[1, :, :15])
    assert (excerpt.name, excerpt.rate_hz) == ("a", 10)


def test_it_is_found_from_any_working_directory(tmp_path, monkeypatch, song):
    monkeypatch.chdir(tmp_path)
    again = importlib.reload(song_module).bundled_song()
    np.testing.assert_array_equal(again.vocals, song.vocals)
