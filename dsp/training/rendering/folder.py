"""A folder of rendered songs that `train` reads: stems as FLAC, and a manifest."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from dsp.training.errors import TrainingDataError
from dsp.training.manifest import MANIFEST_NAME, Kind, Tier, training_entries
from dsp.training.pcm_cache import RATE_HZ, PcmCache
from dsp.training.rendering.arrangement import has_melody
from dsp.training.rendering.player import FONTS_FOLDER, find_fluidsynth, find_fonts
from dsp.training.rendering.score import read_score
from dsp.training.rendering.song import Sources, render_song

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsp.training.rendering.song import RenderedSong

_ABOUT = "about.json"
_COLUMNS = ("file", "split", "tier", "kind", "label", "source", "seconds", "channels")


def find_sources(
    data: Path, tiers: Iterable[Tier] = tuple(Tier), fonts: Path = FONTS_FOLDER
) -> Sources:
    """Find what songs can be rendered from: MIDI files, voices and sound fonts.

    MIDI files are told apart by what is in them: drums alone, a named melody with chords, or parts.
    Raises TrainingDataError where something is missing.
    """
    find_fluidsynth()
    entries = training_entries(data, tiers)
    voices = tuple(e for e in entries if e.kind in {Kind.VOICE_SUNG, Kind.VOICE_SPOKEN})
    songs, drums, scores = [], [], []
    for path in sorted(data.rglob("*.mid")):
        score = read_score(path)
        if has_melody(score):
            songs.append(path)
        elif all(part.is_drums for part in score.parts):
            drums.append(path)
        else:
            scores.append(path)
    for what, found in (("voices", voices), ("MIDI songs", songs), ("MIDI drums", drums)):
        if not found:
            raise TrainingDataError(f"{data}: no {what} to render from")
    return Sources(tuple(songs), tuple(drums), tuple(scores), voices, find_fonts(fonts))


def render_folder(
    sources: Sources,
    cache: PcmCache,
    folder: Path,
    *,
    songs: int,
    seconds: float,
    seed: int,
    on_song: Callable[[], object] = lambda: None,
) -> None:
    """Render songs into a folder, each under its name only once it is whole, then the manifest.

    Songs that are there already are kept: a rendering that was stopped goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(songs):
        target = folder / f"rendered_{seed:03d}_{number:04d}"
        if not target.is_dir():
            _write_song(render_song(sources, cache, seconds, seed, number), target)
        on_song()
    _write_manifest(folder)


def _write_song(song: RenderedSong, target: Path) -> None:
    partial = target.with_suffix(".partial")
    partial.mkdir(exist_ok=True)
    for stem, wave in song.stems.items():
        soundfile.write(partial / f"{stem}.flac", wave.T, RATE_HZ, subtype="PCM_16")
    about = {"tier": song.tier.value, "made_of": song.made_of}
    (partial / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)


def _write_manifest(folder: Path) -> None:
    partial = folder / f"{MANIFEST_NAME}.partial"
    with partial.open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle, delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\")
        rows.writerow(_COLUMNS)
        for path in sorted(folder.glob("*/*.flac")):
            about = json.loads((path.parent / _ABOUT).read_text(encoding="utf-8"))
            info = soundfile.info(path)
            name = path.relative_to(folder)
            seconds = f"{info.duration:.1f}"
            origin = about["made_of"][0]
            kind = Kind.RENDERED.value
            rows.writerow((name, "train", about["tier"], kind, path.stem, origin, seconds, 2))
    partial.replace(folder / MANIFEST_NAME)
