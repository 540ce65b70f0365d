"""Overlap-add against the plain numpy way of doing it, and against the memory's own speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dsp.overlap_add import overlap_add
from dsp.stft import asymmetric_windows

FloatArray = npt.NDArray[np.float32]

_STEMS = 4
_CHANNELS = 2
_HOPS = 16
_ROUNDS = 500
_BYTES_PER_SAMPLE = 12  # two reads and a write of float32: see the kernel's docstring
_MEMCPY_BYTES = 64 * 2**20


def measure_kernels() -> dict[str, dict[str, float]]:
    """Return the ``kernels`` section: four stereo stems with the live windows.

    The headline is a push of sixteen hops (a block of 8192 frames); for a single hop the call
    itself costs as much as the arithmetic.
    """
    single, _ = _speedup(hops=1)
    speedup, seconds = _speedup(hops=_HOPS)
    touched_bytes = _HOPS * _STEMS * _CHANNELS * asymmetric_windows().synthesis.size
    rate = touched_bytes * _BYTES_PER_SAMPLE / seconds
    return {
        "overlap_add": {
            "speedup_vs_numpy": speedup,
            "speedup_vs_numpy_one_hop": single,
            "fraction_of_memcpy_bandwidth": rate / _memcpy_bytes_per_second(),
            "us_per_hop": seconds / _HOPS * 1e6,
        }
    }


def numpy_overlap_add(
    frames: FloatArray, window: FloatArray, buffer: FloatArray, finished: FloatArray
) -> None:
    """Overlap-add the plain numpy way, one frame after another.

    ``frames`` [stem, channel, frame, sample], ``window`` [sample], ``buffer`` [stem, channel,
    window] with what earlier frames left, oldest first; ``finished`` [stem, channel, frame * hop]
    is written.
    """
    hop = finished.shape[2] // frames.shape[2]
    for index in range(frames.shape[2]):
        buffer += frames[:, :, index, -window.size :] * window
        finished[:, :, index * hop : (index + 1) * hop] = buffer[..., :hop]
        buffer[..., :-hop] = buffer[..., hop:].copy()
        buffer[..., -hop:] = 0.0


def _speedup(hops: int) -> tuple[float, float]:
    """Return numpy's time over the kernel's, and the kernel's in seconds, for one push."""
    windows = asymmetric_windows()
    size, hop = windows.synthesis.size, windows.hop_samples
    generator = np.random.default_rng(0)
    frames = generator.standard_normal((_STEMS, _CHANNELS, hops, windows.analysis.size), np.float32)
    finished = np.zeros((_STEMS, _CHANNELS, hops * hop), np.float32)
    ring = np.zeros((_STEMS, _CHANNELS, size // hop, hop), np.float32)
    buffer = np.zeros((_STEMS, _CHANNELS, size), np.float32)
    compiled, plain = _interleaved_seconds(
        lambda: overlap_add(frames, windows.synthesis, ring, 0, finished),
        lambda: numpy_overlap_add(frames, windows.synthesis, buffer, finished),
    )
    return plain / compiled, compiled


def _interleaved_seconds(
    first: Callable[[], object], second: Callable[[], object]
) -> tuple[float, float]:
    """Median seconds of both, taken in turn so that a drift of the machine strikes both alike."""
    first(), second()
    times = np.zeros((_ROUNDS, 2))
    for index in range(_ROUNDS):
        times[index] = _seconds(first), _seconds(second)
    medians = np.median(times, axis=0)
    return float(medians[0]), float(medians[1])


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _memcpy_bytes_per_second() -> float:
    """Bytes read and written per second by a copy that no cache holds."""
    source = np.ones(_MEMCPY_BYTES // 4, np.float32)
    target = np.empty_like(source)
    seconds = min(_seconds(lambda: np.copyto(target, source)) for _ in range(5))
    return 2 * _MEMCPY_BYTES / seconds
