"""Separating a file: read in blocks, sent through a session, written in blocks.

Memory does not depend on the file's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from plugin_bridge.errors import SeparationFailed
from plugin_bridge.session import Session
from plugin_bridge.stem_files import StemFiles

READ_FRAMES: Final = 16384

Progress = Callable[[int], Any]  # told of every stretch of frames that has been written
OpenSession = Callable[[int, int], Session]  # rate in Hz, channels


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    source: Path
    stems: dict[str, Path]
    frames: int
    rate_hz: int
    clipped_samples: int  # of stems beyond full scale, in a format that cannot hold them
    replaced_samples: int  # of the input, not finite, taken as silence


def separate_file(
    source: Path, directory: Path, open_session: OpenSession, progress: Progress
) -> FileResult:
    """Separate one file into ``directory``, one file per stem.

    Raises SeparationFailed when the file cannot be read, separated or written; then no stem has its
    final name. Errors of the session pass through.
    """
    with _open(source) as file, open_session(file.samplerate, file.channels) as session:
        blocks = _Blocks(source, file)
        try:
            with StemFiles(directory, file, file.channels) as stems:
                stems.create(session.stems)
                for block in session.separate(blocks):
                    stems.write(block)
                    progress(block.frames)
        except (OSError, soundfile.SoundFileError) as error:
            if isinstance(error, ConnectionError):
                raise
            raise SeparationFailed(
                f"{source}: stems could not be written: {error} Is the disk full?"
            ) from error
        return FileResult(
            source,
            dict(stems.paths),
            blocks.frames,
            file.samplerate,
            stems.clipped_samples,
            blocks.replaced_samples,
        )


class _Blocks:
    """A file's blocks, [channel, frame]; counts what it reads."""

    def __init__(self, source: Path, file: soundfile.SoundFile) -> None:
        self._source = source
        self._file = file
        self.frames = 0
        self.replaced_samples = 0

    def __iter__(self) -> Iterator[np.ndarray[Any, Any]]:
        while True:
            try:
                block = self._file.read(READ_FRAMES, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise SeparationFailed(
                    f"{self._source}: cannot be read beyond frame {self.frames}: {error}"
                ) from error
            if not len(block):
                return
            self.frames += len(block)
            self.replaced_samples += int(np.count_nonzero(~np.isfinite(block)))
            yield np.ascontiguousarray(block.T)


def _open(source: Path) -> soundfile.SoundFile:
    """Open a file for reading; raises SeparationFailed with what is wrong and what would do."""
    if not source.is_file():
        raise SeparationFailed(f"{source}: no such file")
    try:
        file = soundfile.SoundFile(source)
    except (soundfile.SoundFileError, OSError) as error:
        raise SeparationFailed(
            f"{source}: {error}; WAV, FLAC, AIFF, Ogg, Opus, MP3 and what else libsndfile reads "
            "are allowed"
        ) from error
    if file.channels > 2:
        channels = file.channels
        file.close()
        raise SeparationFailed(f"{source}: {channels} channels; mono and stereo are allowed")
    return file
