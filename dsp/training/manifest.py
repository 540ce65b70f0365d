"""What there is to train on: one entry per audio file, evaluation's kept apart.

A data folder either has a ``MANIFEST.tsv`` (columns ``file split tier kind label ... seconds
channels``) or is laid out as ``evaluate`` expects: one folder per song, files named by stem.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dsp.training.errors import EvaluationDataError, TrainingDataError

MANIFEST_NAME = "MANIFEST.tsv"
AUDIO_SUFFIXES = frozenset({".flac", ".ogg", ".opus", ".wav"})
VOCAL_STEMS = frozenset({"vocals", "backing_vocals"})
_EVALUATION = frozenset({"validation", "evaluation", "test"})


class Kind(StrEnum):
    """What one file holds."""

    VOICE_SUNG = "voice_sung"
    VOICE_SPOKEN = "voice_spoken"
    STEM = "stem"  # one stem of a song: its folder
    BACKING = "backing"  # music without vocals
    SONG = "song"  # voice and band together, no stems
    RENDERED = "rendered"  # one stem of a song that was rendered: its folder


class Tier(StrEnum):
    """Under what terms a file may be used."""

    PERMISSIVE = "permissive"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True)
class Entry:
    """One audio file that may be trained on."""

    path: Path
    kind: Kind
    tier: Tier
    label: str  # the stem, for stems; otherwise free text

    @property
    def song(self) -> str:
        """The song a stem belongs to: the name of its folder."""
        return self.path.parent.name

    @property
    def sings(self) -> bool:
        """Whether this is a vocal stem."""
        return self.kind in {Kind.STEM, Kind.RENDERED} and self.label in VOCAL_STEMS


def training_entries(folder: Path, tiers: Iterable[Tier] = tuple(Tier)) -> tuple[Entry, ...]:
    """List what may be trained on in a data folder, in a fixed order.

    Of a manifest only the rows of split ``train`` and of the tiers asked for are taken; a folder
    without one is taken to be the user's own stems. Raises EvaluationDataError where the folder, or
    a row marked ``train``, belongs to evaluation, TrainingDataError where there is nothing to use.
    """
    allowed = frozenset(tiers)
    manifest = folder / MANIFEST_NAME
    found = _from_manifest(manifest) if manifest.is_file() else _from_folders(folder)
    entries = tuple(sorted((e for e in found if e.tier in allowed), key=lambda e: e.path))
    if not entries:
        raise TrainingDataError(
            f"{folder}: nothing to train on; expected {MANIFEST_NAME}, or one folder per song with "
            f"files named by stem ({', '.join(sorted(AUDIO_SUFFIXES))})"
        )
    return entries


def check_trainable(path: Path) -> None:
    """Raise EvaluationDataError if any folder on the way to a file is one of evaluation's."""
    if reserved := _EVALUATION.intersection(part.lower() for part in path.parts):
        raise EvaluationDataError(
            f"{path} lies in {', '.join(sorted(reserved))}, which is kept for evaluation; "
            "train on other audio"
        )


def _from_manifest(manifest: Path) -> Iterator[Entry]:
    with manifest.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            entry = _entry(row, manifest.parent)
            if entry is not None:
                yield entry


def _entry(row: dict[str, str], folder: Path) -> Entry | None:
    """Make an entry of a row; none where it is another split's or no audio."""
    if row["split"] != "train" or row["kind"] not in set(Kind):
        return None
    if row["tier"] in _EVALUATION:
        raise EvaluationDataError(f"{row['file']}: split train, but tier {row['tier']}")
    check_trainable(Path(row["file"]))
    return Entry(folder / row["file"], Kind(row["kind"]), Tier(row["tier"]), row["label"])


def _from_folders(folder: Path) -> Iterator[Entry]:
    check_trainable(folder)
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.stem != "mixture":
            check_trainable(path)
            yield Entry(path, Kind.STEM, Tier.PERMISSIVE, path.stem)
