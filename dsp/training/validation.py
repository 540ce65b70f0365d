"""How well a network does on songs kept aside, heard as a live stream would play them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.separator import Separator
from dsp.training.losses import usdr_db
from dsp.training.pcm_cache import RATE_HZ
from dsp.training.teacher import Teacher
from dsp.training.tracks import Library, Song

FloatArray = npt.NDArray[np.float32]
Separate = Callable[[FloatArray], FloatArray]
FULL_MIXES = ("stems", "teacher")
KARAOKE = ("karaoke",)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a kept-aside song that is scored."""

    name: str
    pool: str
    vocals: FloatArray  # [channel 2, frame]
    mixture: FloatArray


def excerpts(library: Library, seconds: float) -> tuple[Excerpt, ...]:
    """Cut from each song the stretch in which its vocals are loudest."""
    frames = round(seconds * RATE_HZ)
    return tuple(
        _excerpt(song, pool, frames) for pool, songs in library.songs.items() for song in songs
    )


def scores_db(separate: Separate, songs: Sequence[Excerpt]) -> dict[str, float]:
    """Vocals uSDR of each song."""
    return {song.name: usdr_db(song.vocals, separate(song.mixture)) for song in songs}


def means_db(scores: dict[str, float], songs: Sequence[Excerpt]) -> dict[str, float]:
    """Means over full mixes with true stems, teacher-labelled ones, both, and karaoke."""
    groups = {"full": FULL_MIXES, "stems": ("stems",), "teacher": ("teacher",), "karaoke": KARAOKE}
    means = {}
    for group, pools in groups.items():
        values = [scores[song.name] for song in songs if song.pool in pools]
        means[f"{group}_db"] = float(np.mean(values)) if values else float("nan")
    return means


def best_gain(song: Excerpt) -> FloatArray:
    """Turn the mixture down to where it comes nearest to the vocals."""
    overlap = float(np.sum(song.vocals * song.mixture, dtype=np.float64))
    energy = float(np.sum(np.square(song.mixture), dtype=np.float64))
    return song.mixture * np.float32(overlap / max(energy, 1e-9))


def played_live(separator: Separator) -> Separate:
    """Make whole songs of a stream's pushes: the delay is taken out, the end is let ring out."""

    def separate(mixture: FloatArray) -> FloatArray:
        hop, delay = separator.profile.hop_samples, separator.profile.delay_samples
        frames = mixture.shape[1]
        separator.reset()
        played = separator.push(np.pad(mixture, ((0, 0), (0, delay + -(frames + delay) % hop))))
        return played[0, :, delay : delay + frames]

    return separate


def marks_db(
    songs: Sequence[Excerpt], teacher: Teacher, peer: Separate, kept: Path
) -> dict[str, float]:
    """Scores that the curve is read against; worked out once and kept.

    The teacher is scored on songs with true stems alone: on those it labelled it is the reference.
    ``peer`` is what a new network has to beat: the teacher's net, streamed live.
    """
    if not kept.is_file():
        true = [song for song in songs if song.pool != "teacher"]
        taught = means_db(scores_db(teacher.vocals_of, true), true)
        gains = {song.name: usdr_db(song.vocals, best_gain(song)) for song in songs}
        constant = means_db(gains, songs)
        marks = {f"teacher {k}": taught[f"{k}_db"] for k in ("stems", "karaoke")}
        marks |= {f"best gain {k}": constant[f"{k}_db"] for k in ("full", "karaoke")}
        live = means_db(scores_db(peer, songs), songs)
        marks |= {f"rocknet live {k}": live[f"{k}_db"] for k in ("full", "stems", "karaoke")}
        kept.write_text(json.dumps(marks, indent=1))
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def _excerpt(song: Song, pool: str, frames: int) -> Excerpt:
    vocals = song.vocals.read(0, song.band.frames)
    second = np.square(vocals).sum(axis=0)
    running = np.concatenate([[0.0], np.cumsum(second, dtype=np.float64)])
    last = max(vocals.shape[1] - frames, 0)
    start = int(np.argmax(running[frames : frames + last + 1] - running[: last + 1])) if last else 0
    vocals = vocals[:, start : start + frames]
    return Excerpt(song.name, pool, vocals, vocals + song.band.read(start, vocals.shape[1]))
