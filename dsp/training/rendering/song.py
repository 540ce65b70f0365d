"""One rendered song: everything about it is drawn from a seed and its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.training.augment import drive, level, space
from dsp.training.errors import TrainingDataError
from dsp.training.manifest import Tier
from dsp.training.pcm_cache import RATE_HZ
from dsp.training.rendering.arrangement import arrange_parts, arrange_song
from dsp.training.rendering.player import play
from dsp.training.rendering.score import read_score
from dsp.training.rendering.singing import sing
from dsp.training.rendering.voice import take_apart

if TYPE_CHECKING:
    from pathlib import Path

    from dsp.training.manifest import Entry
    from dsp.training.pcm_cache import PcmCache
    from dsp.training.rendering.arrangement import Arrangement
    from dsp.training.rendering.score import Part, Score
    from dsp.training.rendering.voice import Voice

FloatArray = npt.NDArray[np.float32]

VOCALS, BACKING_VOCALS = "vocals", "backing_vocals"
_VOICE_OVER_BAND_DB = {VOCALS: 0.0, BACKING_VOCALS: -7.0}
_MANY_PARTS_SHARE = 0.2
_VOICE_S = 25.0  # of a recording, for its syllables
_VOICE_TRIES = 6
_PEAK = 0.8


@dataclass(frozen=True, slots=True)
class Sources:
    """What songs are rendered from."""

    songs: tuple[Path, ...]  # MIDI with a melody, chords and, may be, a second voice
    drums: tuple[Path, ...]
    scores: tuple[Path, ...]  # MIDI of many parts, played as they are
    voices: tuple[Entry, ...]
    fonts: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RenderedSong:
    """Stems, [channel 2, frame] each, that sum to the song; and what it was made of."""

    stems: dict[str, FloatArray]
    tier: Tier
    made_of: tuple[str, ...]


def render_song(
    sources: Sources, cache: PcmCache, seconds: float, seed: int, number: int
) -> RenderedSong:
    """Render a song; the same arguments give the same samples.

    Raises TrainingDataError where a source cannot be used.
    """
    rng = np.random.default_rng([seed, number])
    path, score, arrangement = _arranged(sources, rng)
    start_s = float(rng.uniform(0.0, max(0.0, score.seconds - seconds)))
    semitones = int(rng.integers(-5, 7))
    frames = round(seconds * RATE_HZ)

    def passage(part: Part) -> Part:
        return part.within(start_s, start_s + seconds).transposed(semitones)

    stems: dict[str, FloatArray] = {}
    made_of = [path.name]
    for stem, part in arrangement.parts:
        if (cut := passage(part)).notes:
            font = sources.fonts[rng.integers(len(sources.fonts))]
            sound = _mixed_in(stem, play(cut, font, frames, rng), rng)
            stems[stem] = stems.get(stem, np.float32(0.0)) + sound
            made_of.append(f"{stem}: {font.name}, program {cut.program}")
    band = np.sum(list(stems.values()), axis=0) if stems else np.zeros((2, frames), np.float32)
    tier = Tier.PERMISSIVE
    for stem, part in ((VOCALS, arrangement.melody), (BACKING_VOCALS, arrangement.second_voice)):
        if (cut := passage(part)).notes:
            entry, voice = _draw_voice(sources.voices, cache, rng)
            dry = sing(voice, cut.notes, frames, rng)
            stems[stem] = _sung_over(band, dry, _VOICE_OVER_BAND_DB[stem], rng)
            made_of.append(f"{stem}: {entry.path.name}")
            tier = Tier.RESEARCH if entry.tier is Tier.RESEARCH else tier
    return RenderedSong(_scaled(stems), tier, tuple(made_of))


def _arranged(sources: Sources, rng: np.random.Generator) -> tuple[Path, Score, Arrangement]:
    if sources.scores and rng.random() < _MANY_PARTS_SHARE:
        path = sources.scores[rng.integers(len(sources.scores))]
        score = read_score(path)
        return path, score, arrange_parts(score, rng)
    path = sources.songs[rng.integers(len(sources.songs))]
    score = read_score(path)
    drums = read_score(sources.drums[rng.integers(len(sources.drums))])
    return path, score, arrange_song(score, drums, rng)


def _draw_voice(
    voices: tuple[Entry, ...], cache: PcmCache, rng: np.random.Generator
) -> tuple[Entry, Voice]:
    """Take a passage of a recording apart; another one where hardly anything is voiced."""
    for _ in range(_VOICE_TRIES):
        entry = voices[rng.integers(len(voices))]
        recording = cache.open(entry.path)
        frames = min(recording.frames, round(_VOICE_S * RATE_HZ))
        start = int(rng.integers(recording.frames - frames + 1))
        try:
            return entry, take_apart(recording.read(start, frames).mean(axis=0))
        except TrainingDataError as reason:
            refused = reason
    raise TrainingDataError(f"{_VOICE_TRIES} recordings of voices, none to sing with") from refused


def _mixed_in(stem: str, x: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Give an instrument its place and level; an electric guitar its amplifier, most times."""
    if stem == "electric_guitar" and rng.random() < 0.6:
        x = drive.saturate(x, rng, hardest_db=24.0)
    return level.pan(level.to_level(x, rng.normal(-20.0, 4.0)), rng, 6.0)


def _sung_over(
    band: FloatArray, dry: FloatArray, over_band_db: float, rng: np.random.Generator
) -> FloatArray:
    """Treat a voice [frame] as records do, and set its level beside the band's."""
    voice = np.stack([dry, dry])
    for chance, treat in (
        (0.25, drive.saturate),
        (0.2, lambda x, r: space.double(x, r, RATE_HZ)),
        (0.2, lambda x, r: space.echo(x, r, RATE_HZ)),
        (0.75, lambda x, r: space.reverberate(x, r, RATE_HZ)),
    ):
        if rng.random() < chance:
            voice = treat(voice, rng)
    voice = level.to_level(voice, level.db_of(band) + over_band_db + rng.normal(0.0, 3.5))
    return level.pan(voice, rng, 3.0)


def _scaled(stems: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Bring the song's peak, and every stem's, within full scale."""
    waves = [*stems.values(), np.sum(list(stems.values()), axis=0)]
    peak = max(float(np.abs(wave).max()) for wave in waves)
    gain = np.float32(_PEAK / peak) if peak else np.float32(1.0)
    return {stem: gain * wave for stem, wave in stems.items()}
