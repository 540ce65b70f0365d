"""MIDI files for tests of rendering."""

import pretty_midi

from dsp.training.rendering.score import Note, Part


def write_midi(path, *parts, bpm=120.0):
    """Write parts, by name, at a steady tempo; return the path."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    for part in parts:
        instrument = pretty_midi.Instrument(part.program, part.is_drums, part.name)
        instrument.notes = [
            pretty_midi.Note(n.velocity, n.pitch, n.start_s, n.end_s) for n in part.notes
        ]
        midi.instruments.append(instrument)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))
    return path


def pop_parts(seconds=16.0):
    """A melody, a second voice and chords of C major, at 120 beats per minute."""
    beats = [0.5 * k for k in range(int(2 * seconds))]
    melody = tuple(Note(t, t + 0.45, 67 + (0, 2, 4, 5)[k % 4], 90) for k, t in enumerate(beats))
    chords = tuple(Note(t, t + 1.9, pitch, 70) for t in beats[::4] for pitch in (48, 52, 55, 64))
    bridge = tuple(Note(t, t + 0.9, 64, 60) for t in beats[::2])
    return Part("MELODY", melody), Part("BRIDGE", bridge), Part("PIANO", chords)


def drum_part(beats=8, bpm=120.0):
    """A kick on each beat, a snare on every other."""
    step = 60.0 / bpm
    strokes = [Note(k * step, k * step + 0.1, 38 if k % 2 else 36, 100) for k in range(beats)]
    return Part("drums", tuple(strokes), is_drums=True)
