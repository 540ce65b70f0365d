"""Rendered songs: drawn from a seed, labelled to the sample, read back by training."""

import csv
import json

import numpy as np
import pytest
import soundfile
from midi_files import drum_part, pop_parts, write_midi

from dsp.training.errors import TrainingDataError
from dsp.training.manifest import Kind, Tier, training_entries
from dsp.training.pcm_cache import RATE_HZ, PcmCache
from dsp.training.rendering import folder as rendering_folder
from dsp.training.rendering import player
from dsp.training.rendering import song as rendering
from dsp.training.rendering.folder import find_sources, render_folder
from dsp.training.rendering.score import Note, Part
from dsp.training.rendering.song import render_song
from dsp.training.tracks import build_library
from server.commands import main

SECONDS = 2.0


def note_tones(part, font, frames, rng):
    """Stand in for FluidSynth: a tone for each note."""
    out = np.zeros((2, frames), np.float32)
    for n in part.notes:
        span = slice(round(n.start_s * RATE_HZ), round(n.end_s * RATE_HZ))
        t = np.arange(out[:, span].shape[1]) / RATE_HZ
        out[:, span] += 0.1 * np.sin(2 * np.pi * 440 * 2 ** ((n.pitch - 69) / 12) * t)
    return out


def buzz_for(voice, notes, frames, rng):
    """Stand in for the vocoder."""
    return note_tones(Part("", tuple(notes)), None, frames, rng)[0]


@pytest.fixture
def data(tmp_path):
    """A folder with a manifest, two voices, a song, drums and a score of parts."""
    folder = tmp_path / "data"
    write_midi(folder / "midi/song.mid", *pop_parts(8.0))
    write_midi(folder / "midi/drums.mid", drum_part(8))
    parts = (Part("p", pop_parts(8.0)[2].notes, 0), Part("g", pop_parts(8.0)[1].notes, 25))
    write_midi(folder / "midi/parts.mid", *parts)
    rows = [("file", "split", "tier", "kind", "label")]
    for name, tier in (("one", "permissive"), ("two", "research")):
        soundfile.write(folder / f"{name}.wav", np.full(2000, 0.1), RATE_HZ)
        rows.append((f"{name}.wav", "train", tier, "voice_sung", name))
    with (folder / "MANIFEST.tsv").open("w", newline="") as handle:
        csv.writer(handle, delimiter="\t").writerows(rows)
    return folder


@pytest.fixture
def fonts(tmp_path):
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts/any.sf2").touch()
    return tmp_path / "fonts"


@pytest.fixture
def sources(data, fonts, monkeypatch):
    monkeypatch.setattr(player.shutil, "which", lambda _: "/usr/bin/fluidsynth")
    monkeypatch.setattr(rendering, "play", note_tones)
    monkeypatch.setattr(rendering, "take_apart", lambda recording: recording)
    monkeypatch.setattr(rendering, "sing", buzz_for)
    return find_sources(data, fonts=fonts)


@pytest.fixture
def cache(tmp_path):
    return PcmCache(tmp_path / "cache")


def test_sources_are_told_apart_by_what_is_in_them(sources):
    assert [p.stem for p in sources.songs] == ["song"]
    assert [p.stem for p in sources.drums] == ["drums"]
    assert [p.stem for p in sources.scores] == ["parts"]
    assert [e.path.stem for e in sources.voices] == ["one", "two"]
    assert [p.name for p in sources.fonts] == ["any.sf2"]


def test_voices_of_other_terms_are_left_out(data, fonts, sources):
    (voice,) = find_sources(data, [Tier.PERMISSIVE], fonts).voices
    assert voice.path.stem == "one"


@pytest.mark.parametrize("missing", ["song", "drums"])
def test_what_is_missing_is_named(data, fonts, sources, missing):
    (data / f"midi/{missing}.mid").unlink()
    with pytest.raises(TrainingDataError, match="no MIDI"):
        find_sources(data, fonts=fonts)


def test_missing_fonts_and_programs_say_what_to_run(tmp_path, monkeypatch):
    with pytest.raises(TrainingDataError, match=r"no sound fonts.*make system-packages-render"):
        player.find_fonts(tmp_path)
    monkeypatch.setattr(player.shutil, "which", lambda _: None)
    with pytest.raises(TrainingDataError, match=r"fluidsynth.*make system-packages-render"):
        player.find_fluidsynth()


def songs(sources, cache, count=40):
    return [render_song(sources, cache, SECONDS, 1, number) for number in range(count)]


def test_stems_are_of_one_length_within_full_scale_and_so_is_their_sum(sources, cache):
    for song in songs(sources, cache):
        waves = list(song.stems.values())
        assert {wave.shape for wave in waves} == {(2, round(SECONDS * RATE_HZ))}
        assert all(np.abs(wave).max() <= 0.8 + 1e-6 for wave in [*waves, np.sum(waves, axis=0)])
        assert all(wave.dtype == np.float32 for wave in waves)


def test_most_songs_are_sung_and_say_what_they_are_made_of(sources, cache):
    made = songs(sources, cache)
    sung = [song for song in made if "vocals" in song.stems]
    assert 20 < len(sung) < 40
    assert any("backing_vocals" in song.stems for song in sung)
    for song in made:
        assert song.made_of[0] in {"song.mid", "parts.mid"}
        voices = [line for line in song.made_of if line.endswith(".wav")]
        assert len(voices) == sum("vocals" in stem for stem in song.stems)
        used_research = any("two.wav" in line for line in voices)
        assert song.tier is (Tier.RESEARCH if used_research else Tier.PERMISSIVE)


def test_a_song_is_the_same_whenever_it_is_asked_for(sources, cache):
    first, again = (render_song(sources, cache, SECONDS, 3, 7) for _ in range(2))
    other = render_song(sources, cache, SECONDS, 3, 8)
    assert first.made_of == again.made_of
    for stem, wave in first.stems.items():
        assert np.array_equal(wave, again.stems[stem])
    assert other.made_of != first.made_of or list(other.stems) != list(first.stems)


def test_a_voice_that_cannot_sing_makes_room_for_another(sources, cache, monkeypatch):
    asked = []

    def mute(recording):
        raise TrainingDataError(f"{recording.shape}: no syllables")

    def picky(recording):
        asked.append(recording)
        if len(asked) % 2:
            raise TrainingDataError("no syllables")
        return recording

    monkeypatch.setattr(rendering, "take_apart", picky)
    assert any("vocals" in song.stems for song in songs(sources, cache, 5))
    monkeypatch.setattr(rendering, "take_apart", mute)
    with pytest.raises(TrainingDataError, match="none to sing with"):
        songs(sources, cache, 10)


def broken_off(*_arguments, **_named):
    raise ZeroDivisionError


def test_a_folder_can_be_trained_on(sources, cache, tmp_path):
    out = tmp_path / "rendered"
    render_folder(sources, cache, out, songs=12, seconds=SECONDS, seed=2)
    entries = training_entries(out)
    assert {e.kind for e in entries} == {Kind.RENDERED}
    library = build_library(entries, cache, lambda _: False)
    about = {p.parent.name: json.loads(p.read_text()) for p in out.glob("*/about.json")}
    assert len(about) == 12
    sung = [song for song in about if (out / song / "vocals.flac").is_file()]
    assert sorted(song.name for song in library.songs["rendered"]) == sorted(sung)
    assert len(library.backings) == 12 - len(sung)
    assert not library.songs["stems"]
    assert not library.voices["song"]
    song = library.songs["rendered"][0]
    files = list((out / song.name).glob("*.flac"))
    total = sum(soundfile.read(p, dtype="float32")[0].T for p in files)
    heard = song.vocals.read(0, total.shape[1]) + song.band.read(0, total.shape[1])
    np.testing.assert_allclose(heard, total, atol=1e-3)


def test_a_permissive_run_leaves_out_songs_of_research_voices(sources, cache, tmp_path):
    out = tmp_path / "rendered"
    render_folder(sources, cache, out, songs=12, seconds=SECONDS, seed=2)
    names = {e.song for e in training_entries(out, [Tier.PERMISSIVE])}
    research = {e.song for e in training_entries(out)} - names
    assert names
    assert research
    assert all("two.wav" in (out / song / "about.json").read_text() for song in research)


def test_a_rendering_goes_on_where_it_stopped(sources, cache, tmp_path, monkeypatch):
    out = tmp_path / "rendered"
    render_folder(sources, cache, out, songs=2, seconds=SECONDS, seed=2)
    rendered = []
    monkeypatch.setattr(
        rendering_folder,
        "render_song",
        lambda *arguments: rendered.append(arguments[-1]) or render_song(*arguments),
    )
    render_folder(sources, cache, out, songs=4, seconds=SECONDS, seed=2)
    assert rendered == [2, 3]
    assert len(list(out.glob("rendered_002_*"))) == 4
    assert not list(out.glob("*.partial"))


def test_a_rendering_that_breaks_off_leaves_no_half_song(sources, cache, tmp_path, monkeypatch):
    out = tmp_path / "rendered"
    monkeypatch.setattr(rendering_folder.json, "dumps", broken_off)
    with pytest.raises(ZeroDivisionError):
        render_folder(sources, cache, out, songs=1, seconds=SECONDS, seed=2)
    assert not [p for p in out.iterdir() if p.suffix != ".partial"]


def test_the_command_renders(sources, data, fonts, tmp_path, capsys):
    out = tmp_path / "songs"
    words = ["render", "--data", str(data), "--out", str(out), "--songs", "2", "--seconds", "1"]
    assert main([*words, "--fonts", str(fonts), "--tier", "permissive"]) == 0
    assert len(list(out.glob("rendered_001_*"))) == 2
    assert all(entry.tier is Tier.PERMISSIVE for entry in training_entries(out))


def test_fluidsynth_plays_a_part_where_its_notes_are():
    fonts = player.find_fonts()
    part = Part("piano", (Note(0.5, 1.0, 69, 100),), 0)
    x = player.play(part, fonts[0], RATE_HZ * 2, np.random.default_rng(0))
    assert x.shape == (2, RATE_HZ * 2)
    assert np.abs(x[:, : RATE_HZ // 3]).max() < 1e-3 < np.abs(x[:, RATE_HZ // 2 : RATE_HZ]).max()
    spectrum = np.abs(np.fft.rfft(x[0, RATE_HZ // 2 : RATE_HZ]))
    assert 2 * np.argmax(spectrum) % 440 < 5 or 440 - 2 * np.argmax(spectrum) % 440 < 5


def test_what_fluidsynth_says_is_passed_on(tmp_path):
    font = tmp_path / "broken.sf2"
    font.write_bytes(b"no font")
    part = Part("piano", (Note(0.0, 0.2, 69, 100),), 0)
    with pytest.raises(TrainingDataError, match=r"broken\.sf2"):
        player.play(part, font, 1000, np.random.default_rng(0))
