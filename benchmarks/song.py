"""The bundled song: a mixture whose true stems are known."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt
import soundfile

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Song:
    """A song and what it is made of; all [channel, frame] at ``rate_hz``."""

    name: str
    rate_hz: int
    vocals: FloatArray
    instrumental: FloatArray

    @property
    def mixture(self) -> FloatArray:
        """The sum of the stems."""
        return self.vocals + self.instrumental

    def excerpt(self, seconds: float) -> Song:
        """Cut out the first ``seconds``."""
        end = round(seconds * self.rate_hz)
        return Song(self.name, self.rate_hz, self.vocals[:, :end], self.instrumental[:, :end])


def bundled_song() -> Song:
    """Thirty seconds of *Francium* (Everything Is Free, CC0-1.0): see ``songs/README.md``."""
    vocals, rate_hz = _read("vocals")
    instrumental, _ = _read("instrumental")
    return Song("francium", rate_hz, vocals, instrumental)


def _read(stem: str) -> tuple[FloatArray, int]:
    with as_file(files("benchmarks") / "songs" / "francium" / f"{stem}.ogg") as path:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), int(rate_hz)
