"""The live path against the clock: bridge, socket, server and network, paced like a sound card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks.paced import PacedRun, measured_latency_samples, run_paced
from benchmarks.song import bundled_song
from plugin_bridge import LiveSession, connect_live

FloatArray = npt.NDArray[np.float32]

BLOCK_FRAMES = 256
_FIRST_HOPS = 16  # left out of the steady state that the first hop is compared with
_MEGABYTE = 2**20


@dataclass
class _Watch:
    """What is noted while the run goes on."""

    compute_ms: list[float] = field(default_factory=list)
    server_bytes: list[int] = field(default_factory=list)


def measure_live(
    seconds: float, model: str = "", on_block: Callable[[int], None] = lambda _: None
) -> dict[str, float]:
    """Return the ``live`` section: the bundled song over and over, in 256-frame blocks at 44.1 kHz.

    Resident memory is that of the embedded server, sampled once a second. ``host_xruns`` counts
    where the system itself stood still for longer than a sound card would have waited.
    """
    song = bundled_song()
    watch, others = _Watch(), _servers()
    with connect_live(rate_hz=song.rate_hz, max_block_frames=BLOCK_FRAMES, model=model) as session:
        session.on_stems = lambda stems: watch.compute_ms.append(stems.compute_us / 1e3)
        audio = _repeated(song.mixture, round(seconds * song.rate_hz))
        (server,) = _servers() - others

        def observe(index: int) -> None:
            if index * BLOCK_FRAMES % song.rate_hz < BLOCK_FRAMES:
                watch.server_bytes.append(server.memory_info().rss)
            on_block(index)

        run = run_paced(
            session, audio, block_frames=BLOCK_FRAMES, rate_hz=song.rate_hz, on_block=observe
        )
        return _section(session, watch, audio, run)


def _section(
    session: LiveSession, watch: _Watch, audio: FloatArray, run: PacedRun
) -> dict[str, float]:
    counted = session.statistics
    hop_ms = 1e3 * session.latency.hop / session.rate_hz
    compute_ms = np.array(watch.compute_ms)
    steady_p99_ms = float(np.percentile(compute_ms[_FIRST_HOPS:], 99))
    probe = slice(0, min(audio.shape[1], 10 * session.rate_hz))
    return {
        "seconds": run.elapsed_s,
        "blocks": counted.blocks,
        "late_blocks": counted.late_blocks,
        "reported_latency_samples": session.latency.total,
        "measured_latency_samples": measured_latency_samples(
            audio[:, probe], run.stems[..., probe]
        ),
        "host_xruns": run.xruns,
        "host_wake_max_ms": float(run.wake_ms.max()),
        "first_block_over_p99": float(compute_ms[0]) / steady_p99_ms,
        "realtime_factor": float(compute_ms.mean()) / hop_ms,
        "compute_p50_ms": float(np.median(compute_ms)),
        "compute_p99_ms": steady_p99_ms,
        "compute_max_ms": float(compute_ms.max()),
        "round_trip_p50_samples": counted.round_trip_p50_samples,
        "round_trip_p99_samples": counted.round_trip_p99_samples,
        "round_trip_max_samples": counted.round_trip_max_samples,
        "smallest_holding_latency_samples": session.latency.total - counted.headroom_min_samples,
        "server_rss_first_mib": watch.server_bytes[min(5, len(watch.server_bytes) - 1)] / _MEGABYTE,
        "server_rss_last_mib": watch.server_bytes[-1] / _MEGABYTE,
    }


def _repeated(audio: FloatArray, frames: int) -> FloatArray:
    """Return ``frames`` of the audio, started again as often as needed."""
    return np.tile(audio, -(-frames // audio.shape[1]))[:, :frames]


def _servers() -> set[psutil.Process]:
    """Find the engines of the servers that we have started."""
    children = psutil.Process().children(recursive=True)
    return {child for child in children if "phoenix-stems-engine" in _command_line(child)}


def _command_line(process: psutil.Process) -> list[str]:
    """Return a process's arguments; none when it has ended meanwhile."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
