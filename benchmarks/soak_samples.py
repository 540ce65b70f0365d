"""What a soak notes every second, and what must hold of it at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil

MAXIMUM_GROWTH_MIB = 10.0
_SETTLED = 0.2  # of the run, after which memory counts as that of a server in use
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The server and the healthy clients at one moment."""

    seconds: float  # since the start
    rss_mib: float
    threads: int
    descriptors: int
    late_blocks: int = 0  # of healthy streams, so far
    round_trip_p50_ms: float = 0.0  # in the last second
    round_trip_max_ms: float = 0.0


def sample(server: psutil.Process, seconds: float, heard: dict[str, Any]) -> Sample:
    """Look at the server now; ``heard`` is what the healthy clients said last."""
    with server.oneshot():
        return Sample(
            seconds,
            server.memory_info().rss / _MEBIBYTE,
            server.num_threads(),
            server.num_fds(),
            heard.get("late_blocks", 0),
            heard.get("round_trip_p50_ms", 0.0),
            heard.get("round_trip_max_ms", 0.0),
        )


def growth_mib(samples: Sequence[Sample]) -> float:
    """Return by how much the memory in use grew: medians of the last tenth and of the settled one.

    Medians, as a client that comes or goes is no growth.
    """
    tenth = max(1, len(samples) // 10)
    start = min(round(_SETTLED * len(samples)), len(samples) - tenth)
    before = np.median([each.rss_mib for each in samples[start : start + tenth]])
    return float(np.median([each.rss_mib for each in samples[-tenth:]]) - before)


def settled_threads_and_descriptors(samples: Sequence[Sample]) -> tuple[int, int]:
    """Return the most of each while the run settled: by then every lane has had work."""
    settled = samples[: max(1, round(_SETTLED * len(samples)))]
    return max(each.threads for each in settled), max(each.descriptors for each in settled)


def broken_promises(figures: dict[str, Any]) -> list[str]:
    """Return what did not hold, in words.

    Late blocks count where the machine itself was seen to run: what comes while all of it stands
    still is late from any program. Without witnesses all count.
    """
    late_blocks = figures.get("late_blocks_without_stall", figures.get("late_blocks", 0))
    checks = {
        "healthy streams had late blocks": late_blocks > 0,
        "healthy streams were lost": figures.get("losses", 0) > 0,
        "memory grew": figures["memory_growth_mib"] > MAXIMUM_GROWTH_MIB,
        "threads are left over": figures["threads_last"] > figures["threads_first"],
        "descriptors are left over": figures["descriptors_last"] > figures["descriptors_first"],
        "the server was started again": figures.get("restarts", 0) > 0,
    }
    return [what for what, is_broken in checks.items() if is_broken]


def as_rows(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return samples as plain values, for JSON."""
    return [asdict(each) for each in samples]
