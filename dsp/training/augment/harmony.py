"""Harmony: the same line again, an interval higher or lower, as backing vocals sing it.

Reference: Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for
high quality time-scale modification of speech", ICASSP 1993.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from dsp.training.augment import pitch

FloatArray = npt.NDArray[np.float32]

_FRAME = 2048
_HOP = _FRAME // 2
_REACH = 384  # samples either way, within which a period of any voice begins
_INTERVALS = (-12, -5, -4, -3, 3, 4, 5, 7, 12)  # semitones that go with a melody in most keys


def harmonise(x: FloatArray, rng: np.random.Generator, rate_hz: int) -> FloatArray:
    """Add a fainter copy at an interval, 0 to 40 ms late and to one side; [channel 2, frame]."""
    factor = 2.0 ** (_INTERVALS[rng.integers(len(_INTERVALS))] / 12.0)
    late = int(rng.uniform(0.0, 0.04) * rate_hz)
    gain = 10.0 ** (rng.uniform(-15.0, -3.0) / 20.0)
    side = rng.uniform(0.2, 0.8)
    gains = np.array([[1.0 - side], [side]], np.float32) * np.float32(2.0 * gain)
    line = np.pad(shift_pitch(x.mean(axis=0), factor), (late, 0))[: x.shape[1]]
    return x + gains * line


def shift_pitch(x: FloatArray, factor: float) -> FloatArray:
    """Multiply the pitch of a single voice [frame] by ``factor``; its length and tempo stay."""
    longer = _stretch(x, pitch.frames_needed(x.size, factor), factor)
    return pitch.varispeed(longer[None], factor, x.size)[0]


def _stretch(x: FloatArray, frames: int, factor: float) -> FloatArray:
    """Make [frame] ``factor`` times as long: ``frames`` in all, silence behind the end.

    Each piece is taken from near where it belongs, at the place that best continues the last.
    """
    window = signal.windows.hann(_FRAME, sym=False).astype(np.float32)
    pieces = -(-frames // _HOP) + 1
    spare = int(pieces * _HOP / factor) + 2 * _FRAME + 2 * _REACH
    padded = np.pad(x, (_HOP + _REACH, spare))
    stretched = np.zeros((pieces + 1) * _HOP, np.float32)
    at = _REACH
    for piece in range(pieces):
        if piece:
            belongs = _HOP + _REACH + int((piece - 1) * _HOP / factor)
            near = padded[belongs - _REACH : belongs + _REACH + _FRAME]
            continued = padded[at + _HOP : at + _HOP + _FRAME]
            at = belongs - _REACH + int(signal.correlate(near, continued, "valid", "fft").argmax())
        stretched[piece * _HOP : piece * _HOP + _FRAME] += window * padded[at : at + _FRAME]
    return stretched[_HOP : _HOP + frames]
