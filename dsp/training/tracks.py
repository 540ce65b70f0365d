"""What mixtures are made of: voices, backings, and songs in which the two belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from dsp.training.errors import TrainingDataError
from dsp.training.manifest import Entry, Kind
from dsp.training.pcm_cache import PcmCache, Recording
from dsp.training.prepare import Judgement, teacher_vocals

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Track:
    """One thing to read: recordings added up, each with its sign.

    ``estimated``: a separator made it, so it keeps traces of what it was separated from.
    """

    name: str
    parts: tuple[tuple[Recording, float], ...]
    estimated: bool = False

    @property
    def frames(self) -> int:
        """Its length: that of its longest part."""
        return max(recording.frames for recording, _ in self.parts)

    def read(self, start: int, frames: int) -> FloatArray:
        """Return [channel 2, frame]; past the end is silence."""
        total = np.zeros((2, frames), np.float32)
        for recording, gain in self.parts:
            total += np.float32(gain) * recording.read(start, frames)
        return total


@dataclass(frozen=True, slots=True)
class Song:
    """Voice and band that belong together."""

    name: str
    vocals: Track
    band: Track


@dataclass(frozen=True, slots=True)
class Library:
    """Everything to draw from; each pool is named, so that it can be weighted."""

    songs: dict[str, tuple[Song, ...]]  # "stems", "karaoke", "teacher", "rendered"
    voices: dict[str, tuple[Track, ...]]  # "sung", "spoken", "song", "rendered"
    backings: tuple[Track, ...]


def build_library(
    entries: Sequence[Entry], cache: PcmCache, backing_fits: Callable[[Entry], bool]
) -> Library:
    """Open every entry's PCM and sort it into pools.

    ``backing_fits`` says which backings to take. Stems without any vocals become backings; a song
    whose whole band is one mono recording counts as karaoke.
    """
    whole, bands = _stem_songs((e for e in entries if e.kind is Kind.STEM), cache)
    rendered, played = _stem_songs((e for e in entries if e.kind is Kind.RENDERED), cache)
    backings = [_single(e, cache) for e in entries if e.kind is Kind.BACKING and backing_fits(e)]
    pools = {
        "stems": tuple(s for s in whole if not _is_karaoke(s)),
        "karaoke": tuple(s for s in whole if _is_karaoke(s)),
        "teacher": tuple(_teacher_song(e, cache) for e in entries if e.kind is Kind.SONG),
    }
    sung = tuple(song.vocals for pool in pools.values() for song in pool)
    pools["rendered"] = tuple(rendered)
    voices = {
        "sung": tuple(_single(e, cache) for e in entries if e.kind is Kind.VOICE_SUNG),
        "spoken": tuple(_single(e, cache) for e in entries if e.kind is Kind.VOICE_SPOKEN),
        "song": sung,
        "rendered": tuple(song.vocals for song in rendered),
    }
    library = Library(pools, voices, (*backings, *bands, *played))
    if not any(pools.values()) and not (any(voices.values()) and library.backings):
        raise TrainingDataError("neither songs with vocals nor voices and backings to mix")
    return library


def clean_backing(judgement: Judgement, *, median_db: float, loudest_db: float) -> bool:
    """Whether the teacher hears no singing worth mentioning in a backing."""
    return judgement.median_db <= median_db and judgement.loudest_db <= loudest_db


def _stem_songs(stems: Iterable[Entry], cache: PcmCache) -> tuple[list[Song], list[Track]]:
    """Put stems together: songs, and the bands of those in which nobody sings."""
    songs, bands = [], []
    for folder, group in groupby(sorted(stems, key=lambda e: e.path), key=lambda e: e.path.parent):
        members = list(group)
        band = _sum_of(folder.name, (e for e in members if not e.sings), cache)
        vocals = _sum_of(folder.name, (e for e in members if e.sings), cache)
        if band.parts and vocals.parts:
            songs.append(Song(folder.name, vocals, band))
        elif band.parts:
            bands.append(band)
    return songs, bands


def _sum_of(name: str, entries: Iterable[Entry], cache: PcmCache) -> Track:
    return Track(name, tuple((cache.open(e.path), 1.0) for e in entries))


def _single(entry: Entry, cache: PcmCache) -> Track:
    return Track(entry.path.stem, ((cache.open(entry.path), 1.0),))


def _teacher_song(entry: Entry, cache: PcmCache) -> Song:
    mixture, vocals = cache.open(entry.path), teacher_vocals(entry.path, cache)
    name = entry.path.stem
    return Song(
        name,
        Track(name, ((vocals, 1.0),), estimated=True),
        Track(name, ((mixture, 1.0), (vocals, -1.0)), estimated=True),
    )


def _is_karaoke(song: Song) -> bool:
    """Mono amateurs over mono accompaniment, by its single band part of one channel."""
    return len(song.band.parts) == 1 and song.band.parts[0][0].channels == 1
