"""The long half of a soak: a day of audio, faster than real time, through one lossless stream.

A network would need hours for it, so it goes through the model of known gains: context, hops,
overlap, resampling where there is some, wire and credit are the same, and every sample of output
can be checked. At 44.1 kHz positions pass 2^31 after 13.5 hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks.soak_samples import (
    Sample,
    growth_mib,
    sample,
    settled_threads_and_descriptors,
)
from plugin_bridge import EmbeddedServer, connect

FloatArray = npt.NDArray[np.float32]

RATE_HZ = 44100
MODEL = "fixed-gains"
GAINS = (0.5, 0.25)  # of vocals and drums; the rest is the remainder
_BLOCK_FRAMES = 8192
_NOISE_BLOCKS = 64
_SAMPLES = 600


def soak_long(
    hours: float, on_sample: Callable[[Sample], None] = lambda _: None
) -> tuple[dict[str, Any], list[Sample]]:
    """Return figures and samples of that much audio; wrong samples of output are counted."""
    noise = _noise()
    total = round(hours * 3600 * RATE_HZ / _BLOCK_FRAMES)
    samples: list[Sample] = []
    wrong = done = 0
    with EmbeddedServer(model=MODEL) as server:
        process = psutil.Process(server.pid)
        started = time.monotonic()
        with connect(server.endpoint, rate_hz=RATE_HZ, model=MODEL) as session:
            for block in session.separate(_blocks(noise, total)):
                wrong += _wrong(noise, block.position_samples, block.samples)
                done = block.position_samples + block.samples.shape[-1]
                if done * _SAMPLES >= (len(samples) + 1) * total * _BLOCK_FRAMES:
                    samples.append(sample(process, time.monotonic() - started, {}))
                    on_sample(samples[-1])
            elapsed = time.monotonic() - started
            last = sample(process, elapsed, {})
        restarts = server.restarts
    threads, descriptors = settled_threads_and_descriptors(samples)
    figures = {
        "hours": done / RATE_HZ / 3600,
        "last_position_samples": done,
        "wrong_samples": wrong,
        "missing_samples": total * _BLOCK_FRAMES - done,
        "seconds": elapsed,
        "times_real_time": done / RATE_HZ / elapsed,
        "memory_growth_mib": growth_mib(samples),
        "threads_first": threads,
        "threads_last": last.threads,
        "descriptors_first": descriptors,
        "descriptors_last": last.descriptors,
        "restarts": restarts,
    }
    return figures, samples


def _noise() -> FloatArray:
    generator = np.random.default_rng(0)
    length = _NOISE_BLOCKS * _BLOCK_FRAMES
    return (0.1 * generator.standard_normal((2, length))).astype(np.float32)


def _blocks(noise: FloatArray, total: int) -> Iterator[FloatArray]:
    for index in range(total):
        at = index % _NOISE_BLOCKS * _BLOCK_FRAMES
        yield noise[:, at : at + _BLOCK_FRAMES]


def _wrong(noise: FloatArray, position: int, stems: FloatArray) -> int:
    """Count estimated samples that are not exactly their gain times the dry signal."""
    at = np.arange(position, position + stems.shape[-1]) % noise.shape[1]
    dry = noise[:, at]
    return sum(
        int(np.count_nonzero(stem != dry * np.float32(gain)))
        for stem, gain in zip(stems, GAINS, strict=False)
    )
