"""What a report lets one hear and see: seconds of each song, from everyone who separated it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import soundfile

from dsp.evaluation.dataset import RATE_HZ, Song
from dsp.evaluation.figures import spectrogram_png
from dsp.separator import FloatArray

SECONDS = 6
_STEP_SAMPLES = RATE_HZ // 2
_VARIABLE_RATE_QUALITY = 0.6  # libsndfile's scale: 0 best, 1 smallest; about 100 kbit/s


@dataclass(frozen=True, slots=True)
class Clip:
    """A short sound and its spectrogram."""

    title: str
    stem: str
    mp3: bytes
    png: bytes


class Excerpts:
    """Listens to an evaluation and keeps clips by song, the mixture's and the true stems' first."""

    def __init__(self) -> None:
        self.of_song: dict[str, list[Clip]] = {}

    def __call__(self, song: Song, heard: Mapping[str, Mapping[str, FloatArray]]) -> None:
        """Keep the part of a song where its vocals, or else the mixture, are loudest."""
        part = loudest_part(song.references.get("vocals", song.mixture))
        clips = [_clip("mixture", "mixture", song.mixture[:, part])]
        for title, stems in {"true stems": song.references, **heard}.items():
            clips += [_clip(title, stem, signal[:, part]) for stem, signal in stems.items()]
        self.of_song[song.name] = clips


def loudest_part(signal: FloatArray) -> slice:
    """Return the ``SECONDS`` with the most energy, on a grid of half seconds."""
    steps = signal.shape[1] // _STEP_SAMPLES
    wanted = SECONDS * RATE_HZ // _STEP_SAMPLES
    if steps <= wanted:
        return slice(0, SECONDS * RATE_HZ)
    blocks = signal[:, : steps * _STEP_SAMPLES].reshape(signal.shape[0], steps, _STEP_SAMPLES)
    energies = np.einsum("cst,cst->s", blocks, blocks)
    start = int(np.argmax(np.convolve(energies, np.ones(wanted), "valid"))) * _STEP_SAMPLES
    return slice(start, start + SECONDS * RATE_HZ)


def _clip(title: str, stem: str, signal: FloatArray) -> Clip:
    return Clip(title, stem, _mp3(signal), spectrogram_png(signal))


def _mp3(signal: FloatArray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.clip(signal, -1, 1).T,
        RATE_HZ,
        format="MP3",
        bitrate_mode="VARIABLE",
        compression_level=_VARIABLE_RATE_QUALITY,
    )
    return buffer.getvalue()
