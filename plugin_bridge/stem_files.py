"""Stem files that are either whole or not there: written under another name, renamed at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from plugin_bridge.errors import SeparationFailed
from plugin_bridge.stem_player import MIX

if TYPE_CHECKING:
    import soundfile

    from plugin_bridge.stem_block import StemBlock

# libsndfile can crash when it is given minutes of Vorbis or Opus in one call.
WRITE_FRAMES: Final = 16384
# Subtypes that hold samples beyond full scale as they are.
_UNCLIPPED: Final = {"FLOAT", "DOUBLE"}
_BITS: Final = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_EXTENSIONS: Final = {"WAVEX": "wav", "RF64": "wav"}


Stored = npt.NDArray[np.float32] | npt.NDArray[np.int32]


class StemFiles:
    """One output file per stem, in the input's format where libsndfile can write it, else WAV.

    Rate and subtype are the input's. Used as a context manager: on a clean exit every file gets its
    final name, on any other none does, and nothing is left behind.
    """

    def __init__(self, directory: Path, source: soundfile.SoundFile, channels: int) -> None:
        self._directory = directory
        self._channels = channels
        self._rate_hz = source.samplerate
        self._format, self._subtype = writable_format(source.format, source.subtype)
        self._files: dict[str, soundfile.SoundFile] = {}
        self.clipped_samples = 0
        self.paths: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._close_all()
            if error is None:
                self._rename_all()
        finally:
            for stem in self.paths:
                self._partial(stem).unlink(missing_ok=True)

    def create(self, stems: Sequence[str]) -> None:
        """Open a file for each stem."""
        for stem in stems:
            self._file(stem)

    def write(self, block: StemBlock) -> None:
        """Append to each stem's file; raises SeparationFailed when the disk does not take it."""
        for stem, samples in zip(block.stems, self._as_stored(block), strict=True):
            frames = np.ascontiguousarray(samples.T)  # [frame, channel], as libsndfile wants it
            for first in range(0, len(frames), WRITE_FRAMES):
                self._append(self._file(stem), frames[first : first + WRITE_FRAMES])

    def _as_stored(self, block: StemBlock) -> Stored:
        """Return [stem, channel, frame] as what the files hold; counts what is clipped."""
        if self._subtype in _UNCLIPPED:
            return block.samples
        self.clipped_samples += int(np.count_nonzero(np.abs(block.samples) > 1))
        if self._subtype not in _BITS:
            return np.clip(block.samples, -1.0, 1.0)
        return quantise(block.stems, block.samples, _BITS[self._subtype])

    def _file(self, stem: str) -> soundfile.SoundFile:
        """Return the stem's file, opened at its first block."""
        import soundfile  # noqa: PLC0415 -- only needed, and installed, where files are written

        if stem not in self._files:
            extension = _EXTENSIONS.get(self._format, self._format.lower())
            self.paths[stem] = self._directory / f"{stem}.{extension}"
            self._directory.mkdir(parents=True, exist_ok=True)
            self._files[stem] = soundfile.SoundFile(
                self._partial(stem),
                "w",
                self._rate_hz,
                self._channels,
                self._subtype,
                format=self._format,
            )
        return self._files[stem]

    def _append(self, file: soundfile.SoundFile, frames: Stored) -> None:
        before = file.frames
        file.write(frames)
        # libsndfile reports a full disk by writing less than it was given.
        if file.frames - before != len(frames):
            raise SeparationFailed(f"{file.name}: could not be written; is the disk full?")

    def _close_all(self) -> None:
        """Close every file, and notice what only shows when the last bytes are written."""
        failed = []
        for stem, file in self._files.items():
            expected = file.frames
            file.close()
            if not _holds(self._partial(stem), expected):
                failed.append(stem)
        self._files.clear()
        if failed:
            raise SeparationFailed(
                f"{self._directory}: {', '.join(failed)} could not be completed; is the disk full?"
            )

    def _rename_all(self) -> None:
        """Give every file its final name, or none: some stems of two runs would not sum up."""
        renamed: list[Path] = []
        try:
            for stem, path in self.paths.items():
                os.replace(self._partial(stem), path)  # noqa: PTH105 -- atomic, as Path.replace
                renamed.append(path)
        except BaseException:
            for path in renamed:
                path.unlink()
            raise

    def _partial(self, stem: str) -> Path:
        return self.paths[stem].with_name(f".{self.paths[stem].name}.{os.getpid()}.partial")


def quantise(
    stems: Sequence[str], samples: npt.NDArray[np.float32], bits: int
) -> npt.NDArray[np.int32]:
    """Return ``samples`` [stem, channel, frame] as integers in the upper ``bits`` of 32.

    Rounding each stem by itself would let their sum stray by half a step per stem. So the running
    sum is rounded, and each stem is the difference of two of its values: within one step of its
    own, while the sum of all stems is within half a step of theirs. ``mix`` is no part of the sum.
    """
    full_scale = 2.0 ** (bits - 1)
    scaled = samples.astype(np.float64) * full_scale
    parts = [index for index, stem in enumerate(stems) if stem != MIX]
    stored = np.rint(scaled)
    sums = np.rint(np.cumsum(scaled[parts], axis=0))
    stored[parts] = np.diff(sums, axis=0, prepend=0)
    limited = np.clip(stored, -full_scale, full_scale - 1)
    return (limited.astype(np.int64) << (32 - bits)).astype(np.int32)


def writable_format(container: str, subtype: str) -> tuple[str, str]:
    """Return the format to write: the input's, or what holds it without loss in WAV."""
    import soundfile  # noqa: PLC0415 -- see StemFiles

    if soundfile.check_format(container, subtype) and container != "RAW":
        return container, subtype
    if soundfile.check_format("WAV", subtype):
        return "WAV", subtype
    return "WAV", "FLOAT"


def _holds(path: Path, frames: int) -> bool:
    """Whether the file on disk is as long as what was written to it."""
    import soundfile  # noqa: PLC0415 -- see StemFiles

    try:
        return bool(soundfile.info(str(path)).frames >= frames)
    except (OSError, soundfile.SoundFileError):
        return False
