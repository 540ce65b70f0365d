"""Space: reverberation, echo and doubling, so that a dry voice sits in a mix as on a record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

FloatArray = npt.NDArray[np.float32]


def reverberate(
    x: FloatArray, rng: np.random.Generator, rate_hz: int, *, longest_s: float = 2.5
) -> FloatArray:
    """Add a synthetic room: exponentially decaying noise, apart in each channel, darker with time.

    Reference: Moorer, "About this reverberation business", Computer Music Journal 1979.
    """
    decay_s = float(np.exp(rng.uniform(np.log(0.2), np.log(longest_s))))
    wet_db = rng.uniform(-24.0, -6.0)
    pre_delay = int(rng.uniform(0.0, 0.06) * rate_hz)
    room = _room(rng, decay_s, rate_hz, pre_delay)
    return x + np.float32(10.0 ** (wet_db / 20.0)) * _convolve(x, room)


def echo(x: FloatArray, rng: np.random.Generator, rate_hz: int) -> FloatArray:
    """Add up to four repeats, each fainter and on the other side than the last."""
    delay = int(rng.uniform(0.08, 0.6) * rate_hz)
    feedback = rng.uniform(0.1, 0.45)
    out = x.copy()
    for repeat in range(1, 5):
        start = repeat * delay
        if start < x.shape[1]:
            late = x[:: (-1) ** repeat, :-start]
            out[:, start:] += np.float32(feedback**repeat) * late
    return out


def double(x: FloatArray, rng: np.random.Generator, rate_hz: int) -> FloatArray:
    """Sing it twice: a copy some 10 to 35 ms late whose pitch drifts by a few cents."""
    frames = x.shape[1]
    seconds = np.arange(frames) / rate_hz
    delay_s = rng.uniform(0.010, 0.035)
    sway_s = rng.uniform(0.0005, 0.002)
    sway = sway_s * np.sin(2 * np.pi * (rng.uniform(0.2, 0.9) * seconds + rng.random()))
    position = np.clip((seconds - delay_s - sway) * rate_hz, 0.0, frames - 1.001)
    first = position.astype(np.int64)
    fraction = (position - first).astype(np.float32)
    copy = x[:, first] * (1.0 - fraction) + x[:, first + 1] * fraction
    gain = np.float32(10.0 ** (rng.uniform(-9.0, 0.0) / 20.0))
    return x + gain * (copy[::-1] if rng.random() < 0.5 else copy)


def _room(rng: np.random.Generator, decay_s: float, rate_hz: int, pre_delay: int) -> FloatArray:
    """[channel 2, frame], unit energy, 60 dB down after ``decay_s``."""
    seconds = np.arange(int(decay_s * rate_hz)) / rate_hz
    noise = rng.standard_normal((2, seconds.size))
    # Highs die faster than lows: the tail goes over into smoothed noise.
    brightness = rng.uniform(0.2, 0.9)
    dark = 0.5 * (noise + np.roll(noise, 1, axis=1))
    mix = brightness * np.exp(-seconds * 3.0 / decay_s)
    tail = (mix * noise + (1.0 - mix) * dark) * np.exp(-6.91 * seconds / decay_s)
    tail /= np.sqrt(np.sum(np.square(tail), axis=1, keepdims=True)) + 1e-9
    return np.pad(tail, ((0, 0), (pre_delay, 0))).astype(np.float32)


def _convolve(x: FloatArray, room: FloatArray) -> FloatArray:
    frames = x.shape[1]
    size = fft.next_fast_len(frames + room.shape[1], real=True)
    wet: FloatArray = fft.irfft(fft.rfft(x, size) * fft.rfft(room, size), size)[:, :frames]
    return wet
