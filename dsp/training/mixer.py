"""Endless mixtures from a seed: example ``index`` of ``seed`` is the same whenever it is asked for.

Some are songs whose voice and band belong together, the others pair any voice with any band, and in
a few only one side sounds. Each side is changed by itself, then the two are summed: stems always
sum to the mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dsp.training.augment import drive, formants, harmony, level, pitch, space, tone
from dsp.training.config import AugmentConfig, DrawConfig
from dsp.training.pcm_cache import RATE_HZ
from dsp.training.tracks import Library, Track

FloatArray = npt.NDArray[np.float32]
_T = TypeVar("_T")
Pools = list[tuple[float, tuple[_T, ...]]]  # each with its chance

_TRIES = 4
_SOUNDING_DB = -45.0


@dataclass(frozen=True, slots=True)
class Example:
    """Voice and band, each [channel 2, frame] float32; the mixture is their sum."""

    vocals: FloatArray
    band: FloatArray

    @property
    def mixture(self) -> FloatArray:
        """What the network hears."""
        return self.vocals + self.band


class Mixer:
    """Draws examples from a library."""

    def __init__(self, library: Library, draw: DrawConfig, augment: AugmentConfig) -> None:
        self._library = library
        self._draw = draw
        self._augment = augment
        self._song_pools = _weighted(library.songs, draw.song_weights)
        self._voice_pools = _weighted(library.voices, draw.voice_weights)
        self._pure_voice_pools = _weighted(_pure(library.voices), draw.voice_weights)
        self._pure_bands = tuple(track for track in _bands(library) if not track.estimated)

    def example(self, seed: int, index: int) -> Example:
        """Make one example; the same arguments give the same samples."""
        rng = np.random.default_rng([seed, index])
        vocals, band = self._sides(rng)
        gain = level.gain_to(vocals + band, rng.normal(*self._draw.mixture_db))
        return Example(vocals * gain, band * gain)

    def _sides(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw voice and band.

        What sounds alone is never an estimate: the traces of voices in a separated band are all the
        voice there is then, and to call them none would teach that faint voices are none.
        """
        fate = rng.random()
        if fate < self._draw.no_vocals_share and self._pure_bands:
            band = self._band(_pick(self._pure_bands, rng), rng)
            return np.zeros_like(band), band
        if 1.0 - fate < self._draw.no_band_share and self._pure_voice_pools:
            vocals = self._voice(self._pure_voice_pools, rng)
            return vocals, np.zeros_like(vocals)
        matched = rng.random() < self._draw.matched_share and bool(self._song_pools)
        return self._matched(rng) if matched else self._paired(rng)

    def _matched(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Read a song's voice and band, moved in pitch together and changed a little apart."""
        song = _pick(_draw_pool(self._song_pools, rng), rng)
        speed = self._speed(rng, self._augment.song_semitones)
        frames = pitch.frames_needed(self._draw.frames, speed)
        start = _start(rng, song.band.frames, frames)
        sides = (
            pitch.varispeed(track.read(start, frames), speed, self._draw.frames)
            for track in (song.vocals, song.band)
        )
        vocals, band = (self._retouched(side, rng) for side in sides)
        vocals = vocals * np.float32(10.0 ** (rng.normal(0.0, 2.5) / 20.0))
        return vocals, band

    def _paired(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Any voice over any band."""
        pools = self._voice_pools
        vocals = self._voice(pools, rng)
        for _ in range(rng.choice(3, p=self._draw.extra_voice_shares)):
            vocals = vocals + np.float32(rng.uniform(0.2, 0.8)) * self._voice(pools, rng)
        band = self._band(self._any_band(rng), rng)
        vocals = level.to_level(
            vocals, level.db_of(band) + rng.normal(*self._draw.voice_over_band_db)
        )
        return vocals, band

    def _voice(self, pools: Pools[Track], rng: np.random.Generator) -> FloatArray:
        track = _pick(_draw_pool(pools, rng), rng)
        dry = self._read_sounding(track, rng)
        chance = self._augment
        if chance.formants and rng.random() < chance.formants:
            dry = formants.shift_formants(dry, rng, RATE_HZ, semitones=chance.formant_semitones)
        voice = level.to_level(self._retouched(dry, rng), -20.0)
        if chance.harmonise and rng.random() < chance.harmonise:
            voice = harmony.harmonise(voice, rng, RATE_HZ)
        if rng.random() < chance.saturate:
            voice = drive.saturate(voice, rng)
        if rng.random() < chance.double:
            voice = space.double(voice, rng, RATE_HZ)
        if rng.random() < chance.echo:
            voice = space.echo(voice, rng, RATE_HZ)
        if rng.random() < chance.reverberate:
            voice = space.reverberate(voice, rng, RATE_HZ)
        return level.pan(voice, rng, chance.pan_db)

    def _any_band(self, rng: np.random.Generator) -> Track:
        tracks = self._library.backings
        of_a_song = rng.random() < self._draw.song_band_share and bool(self._song_pools)
        if of_a_song or not tracks:
            return _pick(_draw_pool(self._song_pools, rng), rng).band
        return _pick(tracks, rng)

    def _band(self, track: Track, rng: np.random.Generator) -> FloatArray:
        band = self._read(track, rng, self._augment.band_semitones)
        return self._retouched(band, rng)

    def _read_sounding(self, track: Track, rng: np.random.Generator) -> FloatArray:
        """Look a few times for a place where there is something to hear."""
        for _ in range(_TRIES):
            voice = self._read(track, rng, self._augment.voice_semitones)
            if level.db_of(voice) > _SOUNDING_DB:
                break
        return voice

    def _read(self, track: Track, rng: np.random.Generator, semitones: float) -> FloatArray:
        speed = self._speed(rng, semitones)
        frames = pitch.frames_needed(self._draw.frames, speed)
        start = _start(rng, track.frames, frames)
        return pitch.varispeed(track.read(start, frames), speed, self._draw.frames)

    def _speed(self, rng: np.random.Generator, semitones: float) -> float:
        return pitch.draw_speed(rng, semitones) if rng.random() < self._augment.varispeed else 1.0

    def _retouched(self, x: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Do what may happen to either side alike, so that no trace of it tells the sides apart."""
        chance = self._augment
        curve = tone.Curve()
        if rng.random() < chance.equalise:
            curve = curve.equalised(rng, chance.equalise_db)
        if rng.random() < chance.band_limit:
            curve = curve.band_limited(rng, RATE_HZ)
        if rng.random() < chance.high_pass:
            curve = curve.high_passed(rng)
        x = curve.apply(x, RATE_HZ)
        if rng.random() < chance.width:
            x = level.width(x, rng)
        if rng.random() < chance.noise:
            x = drive.add_noise(x, rng)
        return level.flip(x, rng)


def _pure(pools: dict[str, tuple[Track, ...]]) -> dict[str, tuple[Track, ...]]:
    return {name: tuple(t for t in pool if not t.estimated) for name, pool in pools.items()}


def _bands(library: Library) -> tuple[Track, ...]:
    """Every band there is: of songs, and by itself."""
    of_songs = (song.band for pool in library.songs.values() for song in pool)
    return (*library.backings, *of_songs)


def _weighted(pools: dict[str, tuple[_T, ...]], weights: dict[str, float]) -> Pools[_T]:
    """Pair each pool that has something in it with its weight; weights then sum to one."""
    present = [(weights.get(name, 0.0), pool) for name, pool in pools.items() if pool]
    present = [(weight, pool) for weight, pool in present if weight]
    total = sum(weight for weight, _ in present)
    return [(weight / total, pool) for weight, pool in present]


def _draw_pool(pools: Pools[_T], rng: np.random.Generator) -> tuple[_T, ...]:
    index = rng.choice(len(pools), p=[weight for weight, _ in pools])
    return pools[index][1]


def _pick(pool: tuple[_T, ...], rng: np.random.Generator) -> _T:
    return pool[rng.integers(len(pool))]


def _start(rng: np.random.Generator, available: int, wanted: int) -> int:
    return int(rng.integers(max(available - wanted, 0) + 1))
