"""Weights as they lie in a file: half precision, and the largest tensors in eight bits.

Half precision costs nothing that can be measured. Eight bits, with a scale for each output channel,
put the error of a weight some 45 dB below the channel's largest; only tensors that would make the
file too large are stored so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
StoredArray = npt.NDArray[Any]

LARGE = 2_000_000
"""Arrays with more values than this are stored in eight bits."""

_SCALE = ".scale_of_8_bits"
_LEVELS = 127


def to_stored(arrays: Mapping[str, FloatArray]) -> dict[str, StoredArray]:
    """Arrange arrays for a file; ``from_stored`` gives them back, nearly."""
    stored: dict[str, StoredArray] = {}
    for name, values in arrays.items():
        if values.size > LARGE:
            stored[name], stored[name + _SCALE] = _eight_bits(values)
        else:
            stored[name] = np.ascontiguousarray(values, np.float16)
    return stored


def from_stored(stored: Mapping[str, StoredArray]) -> dict[str, FloatArray]:
    """Return single-precision arrays; KeyError where the scale of one is missing."""
    names = (name for name in stored if not name.endswith(_SCALE))
    return {name: _single(stored, name) for name in names}


def _eight_bits(values: FloatArray) -> tuple[StoredArray, FloatArray]:
    """Return int8 of the same shape, and a float32 scale for each index of the first axis."""
    rows = values.reshape(len(values), -1).astype(np.float32)
    largest = np.maximum(np.abs(rows).max(axis=1), np.finfo(np.float32).tiny)
    scales = largest / np.float32(_LEVELS)
    levels = np.rint(rows / scales[:, None]).astype(np.int8)
    return levels.reshape(values.shape), scales


def _single(stored: Mapping[str, StoredArray], name: str) -> FloatArray:
    values = stored[name].astype(np.float32)
    if stored[name].dtype != np.int8:
        return values
    scales = stored[name + _SCALE]
    single: FloatArray = values * scales.reshape(-1, *[1] * (values.ndim - 1))
    return single
