"""Songs on disk: layout, rates, channels, lengths, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from dsp.evaluation.dataset import PARTS, DatasetError, find_songs, load_song

RATE_HZ = 44_100


def write(path, samples, rate_hz=RATE_HZ, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.asarray(samples).T, rate_hz, **options)


def tone(seconds=0.5, hz=440.0, rate_hz=RATE_HZ, channels=2, level=0.25):
    wave = level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)
    return np.tile(wave, (channels, 1)).astype(np.float32)


def only_song(directory):
    (folder,) = find_songs(directory)
    return load_song(folder)


def test_vocals_and_instrumental_sum_to_the_mixture(tmp_path):
    write(tmp_path / "song" / "vocals.wav", tone(), subtype="FLOAT")
    write(tmp_path / "song" / "instrumental.wav", tone(hz=220), subtype="FLOAT")
    song = only_song(tmp_path)
    assert song.name == "song"
    assert song.seconds == pytest.approx(0.5)
    np.testing.assert_allclose(song.references["vocals"], tone())
    np.testing.assert_allclose(song.mixture, tone() + tone(hz=220), atol=1e-7)


def test_backing_vocals_belong_to_the_vocals_and_parts_to_the_instrumental(tmp_path):
    for stem in ("vocals", "backing_vocals"):
        write(tmp_path / "song" / f"{stem}.wav", tone(level=0.1), subtype="FLOAT")
    for stem in PARTS:
        write(tmp_path / "song" / f"{stem}.wav", tone(hz=220, level=0.1), subtype="FLOAT")
    song = only_song(tmp_path)
    np.testing.assert_allclose(song.references["vocals"], tone(level=0.2), atol=1e-6)
    np.testing.assert_allclose(song.references["instrumental"], tone(hz=220, level=0.7), atol=1e-6)


def test_a_mixture_of_its_own_counts(tmp_path):
    write(tmp_path / "song" / "vocals.wav", tone(), subtype="FLOAT")
    write(tmp_path / "song" / "mixture.wav", tone(hz=100), subtype="FLOAT")
    song = only_song(tmp_path)
    np.testing.assert_allclose(song.mixture, tone(hz=100))
    assert song.references.keys() == {"vocals"}


@pytest.mark.parametrize(
    ("ending", "rate_hz"), [("wav", 16_000), ("flac", 96_000), ("ogg", 22_050), ("opus", 48_000)]
)
def test_any_format_and_rate_becomes_44100(tmp_path, ending, rate_hz):
    container = "ogg" if ending == "opus" else ending
    options = {"format": container} | ({"subtype": "OPUS"} if ending == "opus" else {})
    write(tmp_path / "song" / f"vocals.{ending}", tone(1, rate_hz=rate_hz), rate_hz, **options)
    song = only_song(tmp_path)
    assert song.mixture.shape == (2, RATE_HZ)
    middle = slice(RATE_HZ // 4, RATE_HZ // 2)
    np.testing.assert_allclose(song.mixture[:, middle], tone(1)[:, middle], atol=0.02)


def test_mono_becomes_stereo_and_short_stems_are_padded(tmp_path):
    write(tmp_path / "song" / "vocals.wav", tone(0.25, channels=1), subtype="FLOAT")
    write(tmp_path / "song" / "instrumental.wav", tone(0.5), subtype="FLOAT")
    vocals = only_song(tmp_path).references["vocals"]
    np.testing.assert_array_equal(vocals[0], vocals[1])
    assert vocals.shape == (2, RATE_HZ // 2)
    assert not vocals[:, RATE_HZ // 4 :].any()


def test_songs_come_by_name_and_other_files_are_left_alone(tmp_path):
    for name in ("b", "a"):
        write(tmp_path / name / "vocals.wav", tone())
        (tmp_path / name / "notes.txt").write_text("a note")
    (tmp_path / "empty").mkdir()
    assert [song.name for song in find_songs(tmp_path)] == ["a", "b"]


def test_an_unknown_stem_names_those_allowed(tmp_path):
    write(tmp_path / "song" / "voice.wav", tone())
    with pytest.raises(DatasetError, match=r"voice.wav: no stem of that name; allowed: vocals, "):
        find_songs(tmp_path)


def test_a_stem_given_twice_is_refused(tmp_path):
    write(tmp_path / "song" / "vocals.wav", tone())
    write(tmp_path / "song" / "vocals.flac", tone())
    with pytest.raises(DatasetError, match="one file for each stem"):
        find_songs(tmp_path)


def test_an_instrumental_beside_its_parts_is_refused(tmp_path):
    write(tmp_path / "song" / "instrumental.wav", tone())
    write(tmp_path / "song" / "drums.wav", tone())
    with pytest.raises(DatasetError, match="either instrumental or its parts"):
        find_songs(tmp_path)


def test_no_folder_and_no_songs_say_what_is_wanted(tmp_path):
    with pytest.raises(DatasetError, match="not a folder"):
        find_songs(tmp_path / "missing")
    with pytest.raises(DatasetError, match="no songs; each is a folder"):
        find_songs(tmp_path)


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "vocals.wav").write_bytes(b"not audio")
    with pytest.raises(DatasetError, match=r"vocals.wav"):
        only_song(tmp_path)


def test_more_than_two_channels_are_refused(tmp_path):
    write(tmp_path / "song" / "vocals.wav", tone(channels=3))
    with pytest.raises(DatasetError, match="3 channels; 1 or 2 allowed"):
        only_song(tmp_path)
