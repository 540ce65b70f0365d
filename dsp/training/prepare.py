"""Before the first step: decode everything, let the teacher label songs and judge backings.

All of it is kept on disk and made only once, so that a second start takes seconds. It can be
stopped between any two files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dsp.training.manifest import Entry, Kind
from dsp.training.pcm_cache import PcmCache, Recording, open_pcm, store_pcm
from dsp.training.teacher import Teacher, vocal_share_db

TEACHER_VOCALS = "teacher-vocals"
_JUDGEMENT = "teacher-judgement"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How much the teacher hears a file sing: vocals against mixture in 3 s windows, in dB."""

    median_db: float
    loudest_db: float


def label_songs(entries: Sequence[Entry], cache: PcmCache, teacher: Teacher | None) -> int:
    """Store the teacher's vocals of every song that has none yet; returns how many were made."""
    songs = [entry.path for entry in entries if entry.kind is Kind.SONG]
    missing = [path for path in songs if not cache.path_of(path, TEACHER_VOCALS).is_file()]
    for path in missing:
        mixture = whole(cache.open(path))
        vocals = (teacher or Teacher.load()).vocals_of(mixture)
        store_pcm(vocals.T, cache.path_of(path, TEACHER_VOCALS))
    return len(missing)


def teacher_vocals(path: Path, cache: PcmCache) -> Recording:
    """Open the teacher's vocals of a song; FileNotFoundError before ``label_songs`` made them."""
    return open_pcm(cache.path_of(path, TEACHER_VOCALS))


def judge_backing(path: Path, cache: PcmCache, teacher: Teacher) -> Judgement:
    """Ask the teacher how much a backing sings; its answer is kept."""
    answer = cache.path_of(path, _JUDGEMENT).with_suffix(".json")
    if not answer.is_file():
        answer.write_text(json.dumps(asdict(_judge(whole(cache.open(path)), teacher))))
    return Judgement(**json.loads(answer.read_text()))


def whole(recording: Recording) -> np.ndarray:
    """Read a recording from end to end: [channel 2, frame]."""
    return recording.read(0, recording.frames)


def _judge(mixture: np.ndarray, teacher: Teacher) -> Judgement:
    share_db = vocal_share_db(mixture, teacher.vocals_of(mixture))
    if share_db.size == 0:
        return Judgement(-100.0, -100.0)
    return Judgement(float(np.median(share_db)), float(share_db.max()))
