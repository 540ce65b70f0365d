"""Who plays what: a song's parts given to instruments, with drums and a bass of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dsp.training.rendering.instruments import KITS, LEADS, PROGRAMS, stem_of
from dsp.training.rendering.score import Note, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.training.rendering.score import Score

_MELODY, _CHORDS, _SECOND = "melody", "piano", "bridge"
_LOWEST_BASS, _HIGHEST_BASS = 28, 45  # E1 to A2
_BEATS_PER_BAR = 4
_JITTER_S = 0.008
_STROKE_S = 0.1
_PLAYED_SHARE = 0.12  # of the songs whose melody an instrument plays, and nobody sings
_DOUBLED_SHARE = 0.18  # of those where it plays along
_SECOND_VOICE_SHARE = 0.35
_LEAST_INTERVAL = 3  # semitones between two voices


_NOBODY = Part("", ())


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Parts by stem, and what voices are to sing, if any do."""

    parts: tuple[tuple[str, Part], ...]
    melody: Part = _NOBODY
    second_voice: Part = _NOBODY


def has_melody(score: Score) -> bool:
    """Whether a file is laid out as POP909 is: melody, bridge and piano, named so."""
    return {_MELODY, _CHORDS} <= {part.name for part in score.parts}


def arrange_song(score: Score, drums: Score, rng: np.random.Generator) -> Arrangement:
    """Arrange a song of melody and chords; the melody is left to a voice, most times.

    Chords go to one to three instruments, the second voice to one, each drawn; the bass takes the
    lowest note of the chords; ``drums`` are repeated over the song's own beats.
    """
    named = {part.name: part for part in score.parts}
    chords = named[_CHORDS]
    parts = [
        ("drums", repeated_drums(drums, score, rng)),
        ("bass", bass_under(chords, score, rng)),
    ]
    stems = [stem for stem in PROGRAMS if stem != "bass"]
    chosen = rng.choice(stems, size=rng.integers(1, 4), replace=False)
    parts += [(stem, _given_to(chords, PROGRAMS[stem], rng)) for stem in chosen.tolist()]
    if _SECOND in named and rng.random() < 0.7:
        parts.append(_led(named[_SECOND], rng))
    melody, fate = named[_MELODY], rng.random()
    if fate < _PLAYED_SHARE + _DOUBLED_SHARE:
        parts.append(_led(melody, rng))
    if fate < _PLAYED_SHARE:
        return Arrangement(tuple(parts))
    has_second = rng.random() < _SECOND_VOICE_SHARE
    return Arrangement(tuple(parts), melody, voice_above(melody, chords) if has_second else _NOBODY)


def arrange_parts(score: Score, rng: np.random.Generator) -> Arrangement:
    """Play a file's own parts, each by a program drawn from its own stem's; nobody sings."""
    parts = []
    for part in score.parts:
        stem = "drums" if part.is_drums else stem_of(part.program)
        if stem == "drums":
            parts.append((stem, _humanised(part, rng)))
        elif stem is not None:
            parts.append((stem, _given_to(part, PROGRAMS[stem], rng)))
    return Arrangement(tuple(parts))


def repeated_drums(drums: Score, song: Score, rng: np.random.Generator) -> Part:
    """Repeat a performance, cut to whole bars, over a song's beats and at its tempo."""
    played = next(part for part in drums.parts if part.is_drums)
    beats = drums.beat_at(np.array([note.start_s for note in played.notes]))
    period = _BEATS_PER_BAR * max(1, round(float(beats[-1]) / _BEATS_PER_BAR))
    last = len(song.beats_s) - 1
    notes = []
    for first in range(0, last, period):
        within = beats < min(period, last - first)
        starts_s = song.time_of(first + beats[within])
        struck = (note for note, is_within in zip(played.notes, within, strict=True) if is_within)
        notes += [
            note._replace(start_s=float(start_s), end_s=float(start_s) + _STROKE_S)
            for note, start_s in zip(struck, starts_s, strict=True)
        ]
    return _humanised(replace(played, notes=tuple(notes), program=int(rng.choice(KITS))), rng)


def bass_under(chords: Part, song: Score, rng: np.random.Generator) -> Part:
    """Play the lowest note that sounds, in the bass's range: every half, whole or second beat."""
    every = rng.choice([0.5, 1.0, 2.0])
    edges_s = song.time_of(np.arange(0.0, len(song.beats_s), every))
    starts_s = np.array([note.start_s for note in chords.notes])
    ends_s = np.array([note.end_s for note in chords.notes])
    pitches = np.array([note.pitch for note in chords.notes])
    notes = []
    for start_s, end_s in pairwise(edges_s.tolist()):
        sounding = pitches[(starts_s < end_s - 0.05) & (ends_s > start_s + 0.05)]
        if sounding.size:
            pitch = _LOWEST_BASS + (int(sounding.min()) - _LOWEST_BASS) % 12
            if pitch + 12 <= _HIGHEST_BASS and rng.random() < 0.2:
                pitch += 12
            length_s = (end_s - start_s) * rng.uniform(0.6, 0.98)
            notes.append(Note(start_s, start_s + length_s, pitch, int(rng.integers(70, 115))))
    program = int(rng.choice(PROGRAMS["bass"]))
    return _humanised(Part("bass", tuple(notes), program), rng)


def voice_above(melody: Part, chords: Part) -> Part:
    """Give each note of a melody the next note of the chord that is a third or more above it."""
    notes = []
    for note in melody.notes:
        sounding = [c.pitch for c in chords.notes if c.start_s <= note.start_s + 0.05 < c.end_s]
        above = [_LEAST_INTERVAL + (p - note.pitch - _LEAST_INTERVAL) % 12 for p in sounding]
        if above:
            notes.append(note._replace(pitch=note.pitch + min(above)))
    return replace(melody, notes=tuple(notes))


def _led(part: Part, rng: np.random.Generator) -> tuple[str, Part]:
    led = _given_to(part, LEADS, rng)
    return stem_of(led.program) or "other", led


def _given_to(part: Part, programs: Sequence[int], rng: np.random.Generator) -> Part:
    return _humanised(replace(part, program=int(rng.choice(programs))), rng)


def _humanised(part: Part, rng: np.random.Generator) -> Part:
    """Nobody plays on the grid, nor each note as loud as the last."""
    notes = (
        Note(
            max(0.0, note.start_s + late_s),
            max(0.02, note.end_s + late_s),
            note.pitch,
            int(np.clip(note.velocity + louder, 1, 127)),
        )
        for note, late_s, louder in zip(
            part.notes,
            rng.normal(0.0, _JITTER_S, len(part.notes)),
            rng.normal(0.0, 8.0, len(part.notes)),
            strict=True,
        )
    )
    return replace(part, notes=tuple(sorted(notes)))
