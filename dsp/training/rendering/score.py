"""What is to be played: parts of notes in seconds, read from MIDI files and written to them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.training.errors import TrainingDataError

DoubleArray = npt.NDArray[np.float64]


class Note(NamedTuple):
    """One note; pitch and velocity as in MIDI, 0 to 127."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one instrument plays; ``program`` counts from 0, drums are a kit's."""

    name: str
    notes: tuple[Note, ...]
    program: int = 0
    is_drums: bool = False

    def within(self, start_s: float, end_s: float) -> Part:
        """Cut a passage out and let it begin at 0; what sounds across its ends is cut too."""
        cut = (
            Note(max(n.start_s, start_s) - start_s, min(n.end_s, end_s) - start_s, *n[2:])
            for n in self.notes
            if n.start_s < end_s and n.end_s > start_s
        )
        return replace(self, notes=tuple(cut))

    def transposed(self, semitones: int) -> Part:
        """Move every note but a drum's; one that would leave MIDI's range goes an octave back."""
        if self.is_drums:
            return self
        moved = (n._replace(pitch=_in_range(n.pitch + semitones)) for n in self.notes)
        return replace(self, notes=tuple(moved))


@dataclass(frozen=True, slots=True)
class Score:
    """A MIDI file's parts and the times of its beats, in seconds: the last is behind all notes."""

    parts: tuple[Part, ...]
    beats_s: DoubleArray

    @property
    def seconds(self) -> float:
        """Until the last note ends."""
        return max((n.end_s for part in self.parts for n in part.notes), default=0.0)

    def beat_at(self, seconds: DoubleArray) -> DoubleArray:
        """Return which beat a time is, counted from 0, with its fraction."""
        return np.interp(seconds, self.beats_s, np.arange(len(self.beats_s)))

    def time_of(self, beat: DoubleArray) -> DoubleArray:
        """Return when a beat is, in seconds."""
        return np.interp(beat, np.arange(len(self.beats_s)), self.beats_s)


def read_score(path: Path) -> Score:
    """Read a MIDI file; raises TrainingDataError where it is none or has no notes."""
    import pretty_midi  # noqa: PLC0415 -- of the extra `render`

    try:
        with warnings.catch_warnings():  # of tempo on other tracks than the first, which is common
            warnings.simplefilter("ignore", RuntimeWarning)
            midi = pretty_midi.PrettyMIDI(str(path))
    except (OSError, EOFError, ValueError, KeyError, IndexError) as reason:
        raise TrainingDataError(f"{path}: no MIDI file ({reason})") from reason
    parts = tuple(
        Part(
            instrument.name.strip().lower(),
            tuple(sorted(Note(n.start, n.end, n.pitch, n.velocity) for n in instrument.notes)),
            instrument.program,
            instrument.is_drum,
        )
        for instrument in midi.instruments
        if instrument.notes
    )
    if not parts:
        raise TrainingDataError(f"{path}: a MIDI file without notes")
    beats_s = np.asarray(midi.get_beats(), np.float64)
    step_s = np.diff(beats_s)[-1] if len(beats_s) > 1 else 0.5
    return Score(parts, np.append(beats_s, beats_s[-1] + step_s))


def write_part(part: Part, path: Path) -> None:
    """Write one part as a MIDI file of its own."""
    import pretty_midi  # noqa: PLC0415

    midi = pretty_midi.PrettyMIDI()
    instrument = pretty_midi.Instrument(part.program, is_drum=part.is_drums)
    instrument.notes = [
        pretty_midi.Note(n.velocity, n.pitch, n.start_s, n.end_s) for n in part.notes
    ]
    midi.instruments.append(instrument)
    midi.write(str(path))


def _in_range(pitch: int) -> int:
    if pitch < 0:
        return pitch % 12
    return pitch if pitch <= 127 else 116 + (pitch - 116) % 12
