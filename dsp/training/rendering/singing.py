"""A recorded voice sings a melody: its own sounds, stretched to notes, at the notes' pitch.

Each note gets the voice's next syllable, so that words stay in order; its lead keeps its pace, its
voiced part is stretched. Pitch is made anew: glides between notes, scoops, vibrato that sets in
late, a slow drift.

Reference: vibrato's rate and depth as measured by Prame, "Vibrato extent and intonation in
professional Western lyric singing", JASA 1997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from dsp.training.pcm_cache import RATE_HZ
from dsp.training.rendering.voice import FRAME_S, LEAST_VOICED_S, hertz, load_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.training.rendering.score import Note
    from dsp.training.rendering.voice import Syllable, Voice

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


def sing(voice: Voice, melody: Sequence[Note], frames: int, rng: np.random.Generator) -> FloatArray:
    """Sing a melody, one note at a time, octaves chosen for the voice: [sample] at ``RATE_HZ``."""
    notes = _one_at_a_time(melody)
    count = -(-frames // round(FRAME_S * RATE_HZ)) + 1
    source = np.full(count, -1.0)  # which frame of the recording sounds; none where below 0
    pitch = np.zeros(count)
    octaves = 12 * round((voice.usual_pitch + rng.uniform(0, 6) - _mean_pitch(notes)) / 12)
    first = int(rng.integers(len(voice.syllables)))
    for number, note in enumerate(notes):
        syllable = voice.syllables[(first + number) % len(voice.syllables)]
        _place(source, pitch, note._replace(pitch=note.pitch + octaves), syllable, rng)
    is_sung = source >= 0.0
    at = np.where(is_sung, source, 0.0).round().astype(np.int64)
    is_voiced = is_sung & (voice.pitch_hz[at] > 0.0)
    pitch_hz = np.where(is_voiced, hertz(_alive(pitch, is_sung, rng)), 0.0)
    loudness = gaussian_filter1d(is_sung.astype(np.float64), 1.5)[:, None]
    envelope = _warped(voice.envelope, rng.uniform(0.88, 1.14))[at] * loudness + 1e-16
    sung = load_world().synthesize(
        pitch_hz, envelope, voice.aperiodicity[at], RATE_HZ, 1e3 * FRAME_S
    )
    out = np.zeros(frames, np.float32)
    heard = min(frames, len(sung))
    out[:heard] = sung[:heard]
    return out


def _one_at_a_time(melody: Sequence[Note]) -> list[Note]:
    """End each note where the next begins; leave out what is then too short to sing."""
    ordered = sorted(melody)
    ends_s = [*(note.start_s for note in ordered), np.inf][1:]
    cut = (
        note._replace(end_s=min(note.end_s, end_s))
        for note, end_s in zip(ordered, ends_s, strict=True)
    )
    return [note for note in cut if note.end_s - note.start_s >= LEAST_VOICED_S]


def _mean_pitch(notes: Sequence[Note]) -> float:
    return float(np.mean([note.pitch for note in notes])) if notes else 0.0


def _place(
    source: DoubleArray,
    pitch: DoubleArray,
    note: Note,
    syllable: Syllable,
    rng: np.random.Generator,
) -> None:
    """Put a syllable where a note is: its voice begins with the note, its lead just before."""
    start, end = round(note.start_s / FRAME_S), round(note.end_s / FRAME_S)
    start, end = max(start, 0), min(end, len(source))
    if end - start < 2:
        return
    lead = min(syllable.voiced - syllable.start, start)
    source[start - lead : start] = np.arange(syllable.voiced - lead, syllable.voiced)
    source[start:end] = np.linspace(syllable.voiced, syllable.end - 1, end - start)
    pitch[start - lead : start] = note.pitch
    pitch[start:end] = _sung_pitch(note.pitch, end - start, rng)


def _sung_pitch(target: int, frames: int, rng: np.random.Generator) -> DoubleArray:
    """Come up to a note from below, now and then, and let it vibrate once it is held."""
    seconds = FRAME_S * np.arange(frames)
    sung = np.full(frames, float(target))
    if rng.random() < 0.3:  # a scoop from below
        sung -= rng.uniform(0.5, 2.0) * np.exp(-seconds / rng.uniform(0.03, 0.08))
    onset_s, rate_hz, depth = rng.uniform(0.2, 0.5), rng.uniform(4.8, 6.6), rng.uniform(0.1, 0.6)
    swell = np.clip((seconds - onset_s) / 0.3, 0.0, 1.0)
    sung += depth * swell * np.sin(2 * np.pi * (rate_hz * seconds + rng.random()))
    return sung


def _alive(
    pitch: DoubleArray, is_sung: npt.NDArray[np.bool_], rng: np.random.Generator
) -> DoubleArray:
    """Glide from note to note, and never stand quite still."""
    first = int(np.argmax(is_sung))
    held = pitch[np.maximum.accumulate(np.where(is_sung, np.arange(len(pitch)), first))]
    glided = gaussian_filter1d(held, rng.uniform(2.0, 7.0))
    drift = gaussian_filter1d(rng.standard_normal(len(pitch)), 40.0) * rng.uniform(0.5, 1.5)
    shake = gaussian_filter1d(rng.standard_normal(len(pitch)), 2.0) * rng.uniform(0.02, 0.1)
    moved: DoubleArray = glided + drift + shake
    return moved


def _warped(envelope: DoubleArray, factor: float) -> DoubleArray:
    """Move formants up (above 1) or down, as a shorter or a longer throat does."""
    bins = np.arange(envelope.shape[1], dtype=np.float64)
    at = np.minimum(bins / factor, bins[-1])
    below = np.minimum(at.astype(np.int64), len(bins) - 2)
    share = at - below
    logs = np.log(envelope)
    return np.exp(logs[:, below] * (1.0 - share) + logs[:, below + 1] * share)
