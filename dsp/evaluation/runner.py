"""Scores of models, or of anything else that separates, on songs with known stems."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.evaluation.baselines import BASELINES
from dsp.evaluation.dataset import Song
from dsp.evaluation.intervals import mean_intervals
from dsp.evaluation.scores import STEMS, Scores, score, score_fully
from dsp.evaluation.seams import SeamGrid
from dsp.evaluation.summary import summarise
from dsp.separator import FloatArray

Stems = Mapping[str, FloatArray]
Separate = Callable[[FloatArray], Stems]
"""A mixture [channel 2, sample] at 44.1 kHz to its stems by name, aligned and equally long."""

Listen = Callable[[Song, Mapping[str, Stems]], None]
"""Is told of every song, and of what each contender made of it, by label."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that separates, and how it was run."""

    model: str
    profile: str
    streamed: bool
    separate: Separate
    seams: SeamGrid | None = None

    @property
    def label(self) -> str:
        """What tells it from the others."""
        return f"{self.model}:{self.profile}{', streamed' if self.streamed else ''}"


def evaluate(
    songs: Iterable[Song],
    separate: Separate,
    *,
    model: str,
    profile: str,
    streamed: bool,
    groups: Sequence[str] = (),
) -> dict[str, Any]:
    """Separate and score every song; see ``evaluate_all``."""
    (result,) = evaluate_all(songs, [Contender(model, profile, streamed, separate)], groups=groups)
    return result


def evaluate_all(
    songs: Iterable[Song],
    contenders: Sequence[Contender],
    *,
    groups: Sequence[str] = (),
    peers: Mapping[str, Separate] | None = None,
    listen: Listen | None = None,
) -> list[dict[str, Any]]:
    """Let every contender separate every song; a result for each is plain data, ready for JSON.

    ``groups`` are beginnings of song names: each gets a summary of its own, and so do the songs
    that begin with none of them. ``peers`` stand among the baselines. One song at a time is in
    memory. Raises whatever a contender raises.
    """
    rows: dict[str, list[dict[str, Any]]] = {one.label: [] for one in contenders}
    seconds_used = dict.fromkeys(rows, 0.0)
    for song in songs:
        baselines = _baseline_scores(song, peers or {})
        heard = {}
        for one in contenders:
            began = time.perf_counter()
            estimates = one.separate(song.mixture)
            seconds_used[one.label] += time.perf_counter() - began
            heard[one.label] = two_stems(estimates)
            rows[one.label].append(_row(song, heard[one.label], one.seams, baselines))
        if listen:
            listen(song, heard)
    return [_result(one, rows[one.label], seconds_used[one.label], groups) for one in contenders]


def two_stems(estimates: Stems) -> dict[str, FloatArray]:
    """Vocals, and the sum of everything else as the instrumental."""
    rest = [signal for stem, signal in estimates.items() if stem != "vocals"]
    return {"vocals": estimates["vocals"], "instrumental": np.sum(rest, axis=0, dtype=np.float32)}


def _result(
    contender: Contender, rows: list[dict[str, Any]], seconds_used: float, groups: Sequence[str]
) -> dict[str, Any]:
    seconds = sum(row["seconds"] for row in rows)
    return {
        "model": contender.model,
        "profile": contender.profile,
        "streamed": contender.streamed,
        "songs": rows,
        **summarise(rows, groups),
        "intervals": mean_intervals(rows, groups),
        "realtime_factor": seconds_used / seconds if seconds else None,
    }


def _row(
    song: Song, estimates: Stems, seams: SeamGrid | None, baselines: dict[str, dict[str, Scores]]
) -> dict[str, Any]:
    return {
        "name": song.name,
        "seconds": song.seconds,
        "stems": score_fully(song, estimates, seams),
        "baselines": baselines,
    }


def _baseline_scores(song: Song, peers: Mapping[str, Separate]) -> dict[str, dict[str, Scores]]:
    scores = {
        name: score(song.references, _complete(baseline(song.mixture, song.references), song))
        for name, baseline in BASELINES.items()
    }
    for name, separate in peers.items():
        scores[name] = score(song.references, two_stems(separate(song.mixture)))
    return scores


def _complete(estimates: Stems, song: Song) -> dict[str, FloatArray]:
    """Give a baseline silence for the stems that the song has not got."""
    silence = np.zeros_like(song.mixture)
    return {stem: estimates.get(stem, silence) for stem in STEMS}
