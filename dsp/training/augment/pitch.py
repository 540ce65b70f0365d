"""Pitch and tempo together, as a tape machine does: read faster or slower.

Formants move too, so one singer becomes several.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

FloatArray = npt.NDArray[np.float32]

_SPARE_FRAMES = 64


def draw_speed(rng: np.random.Generator, semitones: float) -> float:
    """Draw a speed within +-``semitones``, evenly in pitch."""
    return float(2.0 ** (rng.uniform(-semitones, semitones) / 12.0))


def frames_needed(frames: int, speed: float) -> int:
    """How many input frames ``varispeed`` reads for so many output frames."""
    return int(np.ceil(frames * speed)) + _SPARE_FRAMES


def varispeed(x: FloatArray, speed: float, frames: int) -> FloatArray:
    """Read [channel, ``frames_needed``] at ``speed``: [channel, ``frames``]."""
    if speed == 1.0:
        return x[:, :frames]
    y = soxr.resample(np.ascontiguousarray(x.T), speed, 1.0, quality="LQ")
    return np.ascontiguousarray(y[:frames].T)
