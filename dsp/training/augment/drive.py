"""Saturation: from tape warmth to a crushed vocal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def saturate(x: FloatArray, rng: np.random.Generator, *, hardest_db: float = 12.0) -> FloatArray:
    """Bend peaks over by ``tanh``, driven by up to ``hardest_db`` above the signal's peak."""
    peak = float(np.abs(x).max())
    if peak == 0.0:
        return x
    drive = np.float32(10.0 ** (rng.uniform(-6.0, hardest_db) / 20.0) / peak)
    return np.tanh(x * drive) / drive


def add_noise(x: FloatArray, rng: np.random.Generator, *, loudest_db: float = -60.0) -> FloatArray:
    """Add a noise floor at a random level below ``loudest_db`` re full scale."""
    level = np.float32(10.0 ** (rng.uniform(loudest_db - 30.0, loudest_db) / 20.0))
    return x + level * rng.standard_normal(x.shape, dtype=np.float32)
