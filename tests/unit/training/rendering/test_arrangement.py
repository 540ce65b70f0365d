"""Who plays what: every stem its own instruments, drums on the song's beats, a bass below."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import drum_part, pop_parts

from dsp.training.rendering.arrangement import (
    arrange_parts,
    arrange_song,
    bass_under,
    has_melody,
    repeated_drums,
    voice_above,
)
from dsp.training.rendering.instruments import LEADS, PROGRAMS, stem_of
from dsp.training.rendering.score import Note, Part, Score

SECONDS = 16.0


def score(*parts, bpm=120.0):
    named = tuple(Part(p.name.lower(), p.notes, p.program, p.is_drums) for p in parts)
    beats_s = np.arange(0.0, max(n.end_s for p in parts for n in p.notes) + 60 / bpm, 60 / bpm)
    return Score(named, beats_s)


SONG, DRUMS = score(*pop_parts(SECONDS)), score(drum_part(8))
seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_program_is_of_one_stem_and_no_stem_sings():
    claimed = [program for programs in PROGRAMS.values() for program in programs]
    assert len(claimed) == len(set(claimed))
    assert [stem_of(p) for p in (0, 24, 30, 33, 81, 48)] == [
        "piano", "acoustic_guitar", "electric_guitar", "bass", "synthesizer", "other",
    ]  # fmt: skip
    assert {stem_of(program) for program in (52, 53, 54, 112, 127)} == {None}
    assert all(stem_of(program) for program in LEADS)


def test_a_song_is_told_by_its_parts_names():
    assert has_melody(SONG)
    assert not has_melody(DRUMS)


@given(seed=seeds)
def test_every_song_has_drums_a_bass_and_chords_of_the_right_programs(seed):
    arrangement = arrange_song(SONG, DRUMS, rng(seed))
    stems = [stem for stem, _ in arrangement.parts]
    assert stems[:2] == ["drums", "bass"]
    assert len(stems) >= 3
    for stem, part in arrangement.parts:
        assert part.notes
        assert part.is_drums if stem == "drums" else part.program in PROGRAMS[stem]


def test_most_melodies_are_sung_some_are_played_instead():
    arrangements = [arrange_song(SONG, DRUMS, rng(seed)) for seed in range(200)]
    sung = [a for a in arrangements if a.melody.notes]
    assert 150 < len(sung) < 200
    assert all(a.melody.notes == SONG.parts[0].notes for a in sung)
    assert 0 < sum(bool(a.second_voice.notes) for a in sung) < len(sung)
    assert not any(a.second_voice.notes for a in arrangements if not a.melody.notes)


def test_the_same_seed_arranges_alike():
    assert arrange_song(SONG, DRUMS, rng(3)) == arrange_song(SONG, DRUMS, rng(3))
    assert arrange_song(SONG, DRUMS, rng(3)) != arrange_song(SONG, DRUMS, rng(4))


@given(seed=seeds, drums_bpm=st.floats(60, 200), beats=st.integers(1, 20))
def test_drums_fall_on_the_songs_beats_whatever_their_own_tempo(seed, drums_bpm, beats):
    drums = score(drum_part(beats, drums_bpm), bpm=drums_bpm)
    played = repeated_drums(drums, SONG, rng(seed))
    starts_s = np.array([note.start_s for note in played.notes])
    assert np.abs(starts_s - np.round(2 * starts_s) / 2).max() < 0.05  # beats are 0.5 s apart
    assert starts_s.max() > SECONDS - 2.5 - 0.5 * (-beats % 4)  # to the end of the song


def test_repeats_are_whole_bars_apart():
    notes = repeated_drums(score(drum_part(5)), SONG, rng()).notes  # a bar, and one stroke over
    kicks = [round(2 * note.start_s) for note in notes if note.pitch == 36]
    assert kicks[:6] == [0, 2, 4, 6, 8, 10]


@given(seed=seeds)
def test_the_bass_plays_the_chords_lowest_note_in_its_own_range(seed):
    bass = bass_under(SONG.parts[2], SONG, rng(seed))
    assert {note.pitch % 12 for note in bass.notes} == {0}  # C, of the chord of C
    assert all(28 <= note.pitch <= 45 for note in bass.notes)
    assert bass.program in PROGRAMS["bass"]


def test_where_no_chord_sounds_the_bass_is_silent():
    chords = Part("piano", (Note(4.0, 6.0, 40, 80),))
    bass = bass_under(chords, SONG, rng())
    assert bass.notes
    assert all(n.start_s > 3.9 and n.end_s < 6.1 for n in bass.notes)


@given(pitch=st.integers(40, 90), chord=st.sets(st.integers(36, 72), min_size=1, max_size=5))
def test_a_second_voice_sings_the_next_note_of_the_chord_a_third_or_more_above(pitch, chord):
    chords = Part("piano", tuple(Note(0, 2, p, 80) for p in chord))
    (note,) = voice_above(Part("melody", (Note(0.5, 1, pitch, 80),)), chords).notes
    assert 3 <= note.pitch - pitch < 15
    assert note.pitch % 12 in {p % 12 for p in chord}
    between = range(pitch + 3, note.pitch)
    assert not {p % 12 for p in between} & {p % 12 for p in chord}


def test_without_a_chord_there_is_no_second_voice():
    assert not voice_above(Part("melody", (Note(5, 6, 60, 80),)), Part("piano", ())).notes


@pytest.mark.parametrize("program", [0, 25, 30, 35, 90, 48])
def test_parts_keep_their_stem_and_change_their_program(program):
    part = Part("any", (Note(0, 1, 60, 80),), program)
    drawn = [arrange_parts(score(part), rng(seed)).parts[0] for seed in range(30)]
    assert {stem for stem, _ in drawn} == {stem_of(program)}
    assert len({part.program for _, part in drawn}) > 1


def test_parts_that_sing_are_left_out_and_drums_stay_drums():
    choir = Part("choir", (Note(0, 1, 60, 80),), 52)
    arrangement = arrange_parts(score(choir, drum_part()), rng())
    ((stem, part),) = arrangement.parts
    assert (stem, part.is_drums) == ("drums", True)
    assert not arrangement.melody.notes


@settings(max_examples=30)
@given(seed=seeds)
def test_nobody_plays_on_the_grid_and_all_stay_near_it(seed):
    part = arrange_parts(score(Part("p", SONG.parts[2].notes, 0)), rng(seed)).parts[0][1]
    before = sorted(n.start_s for n in SONG.parts[2].notes)
    late_s = np.array([n.start_s for n in part.notes]) - before
    assert 0 < np.abs(late_s).max() < 0.1
    assert all(n.start_s >= 0 and 1 <= n.velocity <= 127 for n in part.notes)
