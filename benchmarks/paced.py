"""Feeds a live session at the pace of a sound card, and finds the latency in what comes back."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate

from plugin_bridge import LiveSession
from server.lanes.memory import lock_pages
from server.lanes.priority import claim_realtime, claim_realtime_for_sockets

FloatArray = npt.NDArray[np.float32]

XRUN_BLOCKS = 2


@dataclass(frozen=True)
class PacedRun:
    """What a paced run heard and how long each call into the bridge took."""

    stems: FloatArray  # [stem, channel, frame], as a host would have heard them
    call_ms: npt.NDArray[np.float64]  # [block]
    wake_ms: npt.NDArray[np.float64]  # [block]: how late the system woke the thread for it
    xruns: int
    elapsed_s: float


def run_paced(
    session: LiveSession,
    audio: FloatArray,
    *,
    block_frames: int,
    rate_hz: int,
    on_block: Callable[[int], None] = lambda _: None,
) -> PacedRun:
    """Play ``audio`` [channel, frame] through ``session`` in real time.

    Blocks are due on a fixed grid: a block that starts late does not delay the ones after it. As
    with a sound card of three periods there is one exception: if the system wakes the thread more
    than two blocks late, the card has run over; that is an xrun, and the grid starts again. A last
    partial block is left out. Runs as a host's audio thread does: at its priority and with
    pages locked, if granted, and without garbage collection.
    """
    with as_an_audio_thread():
        return _run_paced(session, audio, block_frames, rate_hz, on_block)


def _run_paced(
    session: LiveSession,
    audio: FloatArray,
    block_frames: int,
    rate_hz: int,
    on_block: Callable[[int], None],
) -> PacedRun:
    blocks = audio.shape[1] // block_frames
    heard: list[FloatArray] = []
    call_ms, wake_ms = np.zeros(blocks), np.zeros(blocks)
    xruns = 0
    start = due = time.perf_counter()
    for index in range(blocks):
        late = sleep_until(due)
        if late > XRUN_BLOCKS * block_frames / rate_hz:
            xruns += 1
            due += late
        called = time.perf_counter()
        block = audio[:, index * block_frames : (index + 1) * block_frames]
        heard.append(session.process(block).copy())
        wake_ms[index], call_ms[index] = late * 1e3, (time.perf_counter() - called) * 1e3
        on_block(index)
        due += block_frames / rate_hz
    elapsed_s = time.perf_counter() - start
    return PacedRun(np.concatenate(heard, axis=-1), call_ms, wake_ms, xruns, elapsed_s)


@contextlib.contextmanager
def as_an_audio_thread() -> Iterator[None]:
    """Run as a host's audio thread does: its priority, its pages in memory, no collection."""
    claimed = claim_realtime()
    claim_realtime_for_sockets()
    lock_pages()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if claimed:
            ordinary = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, ordinary, os.sched_param(0))


def measured_latency_samples(dry: FloatArray, stems: FloatArray) -> int:
    """Delay of the sum of ``stems`` [stem, channel, frame] behind ``dry`` [channel, frame].

    The lag of the largest cross-correlation; stems sum to the dry signal, so the peak is sharp.
    """
    reference = dry.mean(axis=0)
    heard = stems.sum(axis=0).mean(axis=0)
    correlation = correlate(heard, reference, mode="full", method="fft")
    return int(np.argmax(correlation)) - (len(reference) - 1)


def sleep_until(deadline_s: float) -> float:
    """Sleep, and return by how many seconds the system woke us late; 0 if there was no time."""
    remaining = deadline_s - time.perf_counter()
    if remaining <= 0:
        return 0.0
    time.sleep(remaining)
    return max(0.0, time.perf_counter() - deadline_s)
