"""Audio decoded once: memory-mapped int16 at the model's rate, so that any second of it is cheap.

One ``.npy`` file per audio file, [frame, channel], named by a hash of the file's size and of both
its ends, wherever it lies: a changed file is decoded anew, one that was copied or moved is not, and
an interrupted decoding leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from dsp.training.errors import TrainingDataError

RATE_HZ = 44100
_FULL_SCALE = 32767.0
_BLOCK_FRAMES = 1 << 16
_HASHED_BYTES = 1 << 16  # of either end

FloatArray = npt.NDArray[np.float32]
PcmArray = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Recording:
    """One decoded file; nothing is in memory but what is read."""

    pcm: PcmArray  # [frame, channel], memory-mapped

    @property
    def frames(self) -> int:
        """Its length at ``RATE_HZ``."""
        return self.pcm.shape[0]

    @property
    def channels(self) -> int:
        """One or two."""
        return self.pcm.shape[1]

    def read(self, start: int, frames: int) -> FloatArray:
        """Return [channel 2, frame] float32; what lies past either end is silence."""
        out = np.zeros((2, frames), np.float32)
        first, last = max(start, 0), min(start + frames, self.frames)
        if first < last:
            out[:, first - start : last - start] = self.pcm[first:last].T / np.float32(_FULL_SCALE)
        return out


class PcmCache:
    """Decodes audio files into a folder and opens what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, audio: Path) -> Recording:
        """Open a file's PCM, decoding it first where needed.

        Raises TrainingDataError where it is not audio of one or two channels.
        """
        path = self.path_of(audio)
        if not path.is_file():
            store_pcm(decode(audio), path)
        return open_pcm(path)

    def path_of(self, audio: Path, variant: str = "pcm") -> Path:
        """Where a file's PCM lies, or that of something made from it."""
        return self.folder / f"{audio.stem}-{_fingerprint(audio)}-{variant}.npy"


def open_pcm(path: Path) -> Recording:
    """Map a file that ``store_pcm`` wrote."""
    return Recording(np.load(path, mmap_mode="r"))


def store_pcm(samples: FloatArray, path: Path) -> None:
    """Write [frame, channel] as int16, under its name only once it is whole."""
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as handle:
        np.save(handle, pcm)
    partial.replace(path)


def decode(audio: Path) -> FloatArray:
    """Decode a whole file to [frame, channel] at ``RATE_HZ``."""
    try:
        with soundfile.SoundFile(audio) as file:
            blocks = list(file.blocks(_BLOCK_FRAMES, dtype="float32", always_2d=True))
            rate_hz = file.samplerate
    except soundfile.LibsndfileError as reason:
        raise TrainingDataError(f"{audio}: not audio that can be decoded ({reason})") from reason
    samples = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    if samples.shape[1] > 2:
        raise TrainingDataError(f"{audio}: {samples.shape[1]} channels; one or two are allowed")
    return samples if rate_hz == RATE_HZ else soxr.resample(samples, rate_hz, RATE_HZ)


def _fingerprint(audio: Path) -> str:
    with audio.open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        digest = hashlib.sha256(str(size_bytes).encode())
        for start in (0, max(0, size_bytes - _HASHED_BYTES)):
            file.seek(start)
            digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()[:16]
