"""Scores survive their way through MIDI files; passages and transpositions keep to their bounds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_files import write_midi

from dsp.training.errors import TrainingDataError
from dsp.training.rendering.score import Note, Part, Score, read_score, write_part

NOTES = st.lists(
    st.builds(
        lambda start, length, pitch, velocity: Note(start, start + length, pitch, velocity),
        st.floats(0, 20),
        st.floats(0.05, 4),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    max_size=12,
)


@given(notes=NOTES, start=st.floats(0, 20), length=st.floats(0.1, 20))
def test_a_passage_has_what_sounds_in_it_from_zero_to_its_length(notes, start, length):
    cut = Part("x", tuple(notes)).within(start, start + length).notes
    assert all(0 <= n.start_s <= n.end_s <= length + 1e-9 for n in cut)
    sounding = [n for n in notes if n.start_s < start + length and n.end_s > start]
    assert [n[2:] for n in cut] == [n[2:] for n in sounding]


@given(notes=NOTES, semitones=st.integers(-40, 40))
def test_transposed_notes_stay_in_midis_range_and_keep_their_names(notes, semitones):
    moved = Part("x", tuple(notes)).transposed(semitones).notes
    for before, after in zip(notes, moved, strict=True):
        assert 0 <= after.pitch <= 127
        assert (after.pitch - before.pitch - semitones) % 12 == 0
        assert after._replace(pitch=before.pitch) == before


def test_a_step_within_range_is_just_that_step():
    part = Part("x", (Note(0, 1, 60, 80),))
    assert [part.transposed(step).notes[0].pitch for step in (-7, 0, 5)] == [53, 60, 65]


def test_drums_are_not_transposed():
    drums = Part("kit", (Note(0, 0.1, 36, 90),), is_drums=True)
    assert drums.transposed(5) == drums


def test_a_part_survives_a_file(tmp_path):
    notes = (Note(0.0, 0.5, 60, 90), Note(0.5, 1.25, 64, 40))
    write_part(Part("any", notes, program=42), tmp_path / "part.mid")
    (part,) = read_score(tmp_path / "part.mid").parts
    assert (part.program, part.is_drums) == (42, False)
    for wrote, read in zip(notes, part.notes, strict=True):
        assert read[2:] == wrote[2:]
        assert read[:2] == pytest.approx(wrote[:2], abs=0.005)


def test_names_and_kits_are_read(tmp_path):
    file = write_midi(
        tmp_path / "song.mid",
        Part("MELODY ", (Note(0, 1, 72, 90),)),
        Part("kit", (Note(0, 0.1, 36, 90),), is_drums=True),
    )
    assert [(part.name, part.is_drums) for part in read_score(file).parts] == [
        ("melody", False),
        ("kit", True),
    ]


def test_beats_follow_the_tempo_and_reach_past_the_last_note(tmp_path):
    score = read_score(write_midi(tmp_path / "x.mid", Part("a", (Note(0, 3.3, 60, 90),)), bpm=100))
    assert score.beats_s[-1] > score.seconds == pytest.approx(3.3, abs=0.01)
    assert [b - a for a, b in pairwise(score.beats_s)] == pytest.approx(
        [0.6] * (len(score.beats_s) - 1), abs=0.001
    )


@given(seconds=st.floats(0, 3.6))
def test_beats_and_seconds_are_two_names_of_one_time(seconds):
    score = Score((), np.array([0.0, 0.5, 1.2, 2.0, 3.6]))
    assert score.time_of(score.beat_at(np.array(seconds))) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize("content", [b"", b"RIFF no midi", b"MThd\0\0\0\6\0\1"])
def test_what_is_no_midi_file_is_named(tmp_path, content):
    file = tmp_path / "broken.mid"
    file.write_bytes(content)
    with pytest.raises(TrainingDataError, match=r"broken\.mid: no MIDI file"):
        read_score(file)


def test_a_file_without_notes_is_refused(tmp_path):
    with pytest.raises(TrainingDataError, match="without notes"):
        read_score(write_midi(tmp_path / "empty.mid", Part("a", ())))
