"""Songs with known stems, read from a folder of folders.

Each song is a folder of audio files named by stem: ``vocals``, and either ``instrumental`` or any
of the parts; ``backing_vocals`` belongs to the vocals. The mixture is the sum of the stems, unless
``mixture`` is there. Any format and rate that libsndfile reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dsp.errors import DspError
from dsp.separator import FloatArray

RATE_HZ = 44_100
VOICES = ("vocals", "backing_vocals")
PARTS = (
    "bass",
    "drums",
    "piano",
    "electric_guitar",
    "acoustic_guitar",
    "synthesizer",
    "other",
)
INSTRUMENTAL = "instrumental"
MIXTURE = "mixture"

_NAMES = (*VOICES, INSTRUMENTAL, *PARTS, MIXTURE)
_ENDINGS = {".opus"} | {f".{name.lower()}" for name in soundfile.available_formats()}
_ENDINGS |= {".aif", ".oga", ".wave"}
_CHANNELS = 2


class DatasetError(DspError, ValueError):
    """A folder that does not hold songs as they must be laid out."""


@dataclass(frozen=True, slots=True)
class SongFolder:
    """Where a song's stems lie; nothing is read yet."""

    name: str
    files: Mapping[str, Path]  # by stem


@dataclass(frozen=True, slots=True, eq=False)
class Song:
    """A song at 44.1 kHz; all signals [channel 2, sample], equally long."""

    name: str
    mixture: FloatArray
    references: Mapping[str, FloatArray]  # vocals and instrumental, as far as they are there
    backing_vocals: FloatArray | None = None  # the part of the vocals that is not the lead

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.mixture.shape[1] / RATE_HZ


def find_songs(directory: Path) -> tuple[SongFolder, ...]:
    """List the songs in a folder by name; raises DatasetError where it is not laid out so."""
    if not directory.is_dir():
        raise DatasetError(f"{directory}: not a folder; give one that holds a folder for each song")
    folders = (path for path in sorted(directory.iterdir()) if path.is_dir())
    songs = tuple(song for path in folders if (song := _song_folder(path)).files)
    if not songs:
        raise DatasetError(
            f"{directory}: no songs; each is a folder with audio files named {', '.join(_NAMES)}"
        )
    return songs


def load_song(folder: SongFolder) -> Song:
    """Read a song; mono becomes stereo, shorter stems are padded with silence.

    Raises DatasetError for a file that cannot be read.
    """
    signals = {stem: _read(path) for stem, path in folder.files.items()}
    samples = max(signal.shape[1] for signal in signals.values())
    padded = {
        stem: np.pad(signal, ((0, 0), (0, samples - signal.shape[1])))
        for stem, signal in signals.items()
    }
    mixture = padded.pop(MIXTURE, None)
    references = {
        name: total
        for name, stems in (("vocals", VOICES), (INSTRUMENTAL, (INSTRUMENTAL, *PARTS)))
        if (total := _sum_of(padded, stems)) is not None
    }
    if mixture is None:
        mixture = _sum_of(references, tuple(references))
    if mixture is None:
        raise DatasetError(f"{folder.name}: no stems")
    return Song(folder.name, mixture, references, padded.get("backing_vocals"))


def _song_folder(path: Path) -> SongFolder:
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in _ENDINGS:
            continue
        if file.stem not in _NAMES:
            raise DatasetError(f"{file}: no stem of that name; allowed: {', '.join(_NAMES)}")
        if file.stem in files:
            raise DatasetError(f"{file} and {files[file.stem].name}: one file for each stem")
        files[file.stem] = file
    if INSTRUMENTAL in files and any(part in files for part in PARTS):
        raise DatasetError(f"{path}: either {INSTRUMENTAL} or its parts ({', '.join(PARTS)})")
    return SongFolder(path.name, files)


def _read(path: Path) -> FloatArray:
    """[channel 2, sample] at 44.1 kHz."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DatasetError(f"{path}: {error}") from error
    if samples.shape[1] > _CHANNELS:
        raise DatasetError(f"{path}: {samples.shape[1]} channels; 1 or 2 allowed")
    resampled = samples if rate_hz == RATE_HZ else soxr.resample(samples, rate_hz, RATE_HZ)
    stereo: FloatArray = np.broadcast_to(resampled, (resampled.shape[0], _CHANNELS)).T.copy()
    return stereo


def _sum_of(signals: Mapping[str, FloatArray], names: tuple[str, ...]) -> FloatArray | None:
    present = [signals[name] for name in names if name in signals]
    if not present:
        return None
    total: FloatArray = np.sum(present, axis=0, dtype=np.float32)
    return total
