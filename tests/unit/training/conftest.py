"""A small world to train in: synthetic songs on disk, in both layouts."""

import pytest
from synthetic_audio import tone, write_audio

from dsp.training.pcm_cache import PcmCache

HEADER = "file split tier kind label source licence credit seconds channels"


@pytest.fixture
def write_manifest(tmp_path):
    """Returns a function that writes a data folder: rows of (file, split, tier, kind, label)."""

    def write(rows, seconds=1.0):
        lines = [HEADER.replace(" ", "\t")]
        for index, (file, split, tier, kind, label) in enumerate(rows):
            write_audio(tmp_path / file, tone(200 + 50 * index, seconds))
            lines.append(f"{file}\t{split}\t{tier}\t{kind}\t{label}\t\t\t\t1\t2")
        (tmp_path / "MANIFEST.tsv").write_text("\n".join(lines) + "\n")
        return tmp_path

    return write


@pytest.fixture
def song_folder(tmp_path):
    """Two songs with stems, laid out as ``evaluate`` expects."""
    folder = tmp_path / "mine"
    for song, hz in (("first", 300), ("second", 500)):
        write_audio(folder / song / "vocals.wav", tone(hz, 2.0))
        write_audio(folder / song / "drums.wav", tone(hz * 3, 2.0))
        write_audio(folder / song / "bass.wav", tone(hz / 3, 2.0))
    return folder


@pytest.fixture
def cache(tmp_path):
    return PcmCache(tmp_path / "cache")
