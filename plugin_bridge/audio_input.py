"""What a stream takes as audio, checked where it comes in."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugin_bridge.errors import BadAudio
from protocol import FloatArray

# libsndfile, JACK and numpy speak these; integers would have to be scaled, and by what?
ALLOWED_TYPES = (np.float32, np.float64)


def as_block(block: Any, channels: int, maximum_frames: int | None = None) -> FloatArray:
    """Return ``block`` as float32 [channel, frame].

    Non-finite samples may pass: the server takes them as silence and says how many there were.

    Raises BadAudio for any other shape, type or length, naming what is allowed.
    """
    array = np.asarray(block)
    if array.ndim != 2 or array.shape[0] != channels:
        raise BadAudio(
            f"block of shape {array.shape}: [{channels}, frames] required, channels first"
            f"{_shape_advice(array, channels)}"
        )
    if array.dtype not in ALLOWED_TYPES:
        raise BadAudio(
            f"block of {array.dtype}: float32 or float64 required, nominal range -1 to 1; "
            "divide 16-bit integers by 32768"
        )
    if maximum_frames is not None and array.shape[1] > maximum_frames:
        raise BadAudio(
            f"block of {array.shape[1]} frames: 0 to {maximum_frames} allowed; split it, or open "
            "the stream with a larger max_block_frames"
        )
    # A float64 beyond float32's range becomes infinite here, and silence on the server.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)


def _shape_advice(array: np.ndarray[Any, Any], channels: int) -> str:
    if array.ndim == 2 and array.shape[1] == channels:
        return "; transpose it"
    if array.ndim == 1 and channels == 1:
        return "; use block[None, :]"
    if array.ndim == 2 and array.shape[0] in {1, 2}:
        return f"; open the stream with channels={array.shape[0]}"
    return ""
