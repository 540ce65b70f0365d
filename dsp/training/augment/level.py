"""Level, position and polarity: what a mixing desk's channel strip does first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_BLOCK = 2205  # 50 ms
_SILENCE_DB = -80.0


def db_of(x: FloatArray) -> float:
    """Level in dBFS over the louder half of 50 ms blocks, so that rests do not count."""
    count = max(x.shape[1] // _BLOCK, 1)
    blocks = x[:, : count * _BLOCK].reshape(x.shape[0], count, -1)
    energies = np.einsum("cbs,cbs->b", blocks, blocks) / (x.shape[0] * blocks.shape[2])
    louder = np.sort(energies)[count // 2 :]
    return float(10.0 * np.log10(louder.mean() + 1e-12))


def gain_to(x: FloatArray, level_db: float) -> np.float32:
    """Find the gain that brings a signal to a level; 1 for what is all but silent."""
    present_db = db_of(x)
    return np.float32(1.0 if present_db < _SILENCE_DB else 10.0 ** ((level_db - present_db) / 20.0))


def to_level(x: FloatArray, level_db: float) -> FloatArray:
    """Scale to a level in dBFS; what is all but silent stays as it is."""
    return x * gain_to(x, level_db)


def pan(x: FloatArray, rng: np.random.Generator, strongest_db: float) -> FloatArray:
    """Turn left and right against each other by up to ``strongest_db``, keeping the loudness."""
    tilt_db = rng.uniform(-strongest_db, strongest_db)
    gains = 10.0 ** (np.array([tilt_db, -tilt_db]) / 40.0)
    gains *= np.sqrt(2.0 / np.sum(np.square(gains)))
    return x * gains[:, None].astype(np.float32)


def width(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Narrow the stereo image by a random amount, down to mono."""
    amount = np.float32(rng.random())
    middle = x.mean(axis=0, keepdims=True)
    return middle + amount * (x - middle)


def flip(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Swap the channels and turn the polarity, each half of the time."""
    if rng.random() < 0.5:
        x = x[::-1]
    return -x if rng.random() < 0.5 else x
