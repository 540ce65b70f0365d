"""A voice sings the melody it is given: at its pitches, where its notes are, nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.training.errors import TrainingDataError
from dsp.training.pcm_cache import RATE_HZ
from dsp.training.rendering.score import Note
from dsp.training.rendering.singing import sing
from dsp.training.rendering.voice import FRAME_S, find_syllables, hertz, midi_pitch, take_apart

pyworld = pytest.importorskip("pyworld", reason="pyworld, of the extra render")


def speech(syllables=8, hz=150.0):
    """Bursts of a buzz, each with a hiss before it and a pause behind."""
    rng = np.random.default_rng(0)
    seconds = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * k * hz * seconds) / k for k in range(1, 30))
    hiss = 0.05 * rng.standard_normal(round(0.08 * RATE_HZ))
    pause = 1e-4 * rng.standard_normal(round(0.1 * RATE_HZ))
    one = np.concatenate([hiss, 0.2 * buzz * np.hanning(len(buzz)), pause])
    return np.tile(one, syllables).astype(np.float32)


@pytest.fixture(scope="module")
def voice():
    return take_apart(speech())


def sung(voice, *notes, seconds=3.0, seed=0):
    return sing(voice, notes, round(seconds * RATE_HZ), np.random.default_rng(seed))


def pitch_of(x, start_s, end_s):
    part = x[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].astype(np.float64)
    hz, _ = pyworld.harvest(part, RATE_HZ)
    return float(np.median(midi_pitch(hz[hz > 0])))


def test_a_recording_is_cut_into_its_syllables(voice):
    assert len(voice.syllables) == 8
    assert voice.usual_pitch == pytest.approx(midi_pitch(np.array(150.0)), abs=0.3)


@given(runs=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=12))
def test_syllables_follow_each_other_and_are_voiced_but_for_their_lead(runs):
    lengths = [length for run in runs for length in run]
    pitch_hz = np.repeat(np.resize([0.0, 200.0], len(lengths)), lengths)
    syllables = find_syllables(pitch_hz)
    before = 0
    for start, voiced, end in syllables:
        assert before <= start <= voiced < end
        assert (end - voiced) * FRAME_S >= 0.07 - 1e-9
        assert (voiced - start) * FRAME_S <= 0.12 + 1e-9
        assert pitch_hz[voiced:end].all()
        assert not pitch_hz[start:voiced].any()
        before = end


@given(pitch=st.floats(0, 127))
def test_hertz_and_midis_pitch_are_inverse(pitch):
    assert midi_pitch(hertz(np.array(pitch))) == pytest.approx(pitch)
    assert hertz(np.array(69.0)) == 440.0


@pytest.mark.parametrize("pitch", [24, 48, 55, 62, 96])
def test_it_sings_the_note_in_its_own_octave(voice, pitch):
    x = sung(voice, Note(0.5, 2.5, pitch, 90))
    heard = pitch_of(x, 1.0, 2.3)
    assert (heard - pitch + 6) % 12 - 6 == pytest.approx(0, abs=0.7)
    assert abs(heard - voice.usual_pitch) < 13


def test_it_follows_a_melody(voice):
    x = sung(voice, Note(0.2, 1.2, 52, 90), Note(1.2, 2.2, 57, 90))
    assert pitch_of(x, 1.5, 2.1) - pitch_of(x, 0.5, 1.1) == pytest.approx(5, abs=0.8)


def test_it_is_heard_where_notes_are_and_nowhere_else(voice):
    x = sung(voice, Note(1.0, 2.0, 55, 90))
    loud = np.square(x[round(1.2 * RATE_HZ) : round(1.8 * RATE_HZ)]).mean()
    before, after = x[: round(0.7 * RATE_HZ)], x[round(2.2 * RATE_HZ) :]
    assert max(np.square(before).mean(), np.square(after).mean()) < 1e-5 * loud


def test_of_two_notes_at_once_the_later_one_ends_the_first(voice):
    x = sung(voice, Note(0.2, 2.8, 52, 90), Note(1.2, 2.0, 59, 90))
    assert pitch_of(x, 1.5, 1.9) - pitch_of(x, 0.4, 1.1) == pytest.approx(7, abs=0.8)
    assert np.abs(x[round(2.2 * RATE_HZ) :]).max() < 1e-2 * np.abs(x).max()


def test_the_same_seed_sings_alike_another_does_not(voice):
    note = Note(0.5, 2.5, 55, 90)
    first = sung(voice, note, seed=4)
    assert np.array_equal(first, sung(voice, note, seed=4))
    assert not np.array_equal(first, sung(voice, note, seed=5))


@pytest.mark.parametrize("notes", [(), (Note(0.5, 0.52, 60, 90),), (Note(9.0, 10.0, 60, 90),)])
def test_with_nothing_to_sing_there_is_silence(voice, notes):
    x = sung(voice, *notes, seconds=1.0)
    assert x.shape == (RATE_HZ,)
    assert np.abs(x).max() < 1e-4


def test_a_recording_without_a_voice_is_refused():
    noise = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32)
    with pytest.raises(TrainingDataError, match="syllables: at least 4 expected"):
        take_apart(1e-3 * noise)
