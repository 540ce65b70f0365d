"""How long each core stood still: witnesses beside a live run.

``python -m benchmarks.core_stalls CORE`` sleeps for a moment at a time on one core, at a real-time
priority above all of ours, and says when it overslept: in that time nobody computed there, since a
virtual machine was held up by its host, or a kernel by something else. (The method of `cyclictest`,
of the Linux Foundation's rt-tests.) ``Witnesses`` runs one for each core that this process may use.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

PRIORITY = 80  # above JACK's and ours
LEAST_STALL_S = 0.002
_NAP_S = 0.001


@dataclass(frozen=True, slots=True)
class Stall:
    """One core that stood still, until a moment of the monotonic clock."""

    core: int
    until_s: float
    seconds: float


class Witnesses:
    """Collects what the witnesses say: nothing, where the system grants them no priority."""

    def __init__(self) -> None:
        self.stalls: list[Stall] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have every core watched meanwhile."""
        processes = [_start(core) for core in sorted(os.sched_getaffinity(0))]
        readers = [threading.Thread(target=self._read, args=(each,)) for each in processes]
        for reader in readers:
            reader.start()
        try:
            yield
        finally:
            for process, reader in zip(processes, readers, strict=True):
                process.terminate()
                reader.join()
                process.wait()

    def were_still(self, from_s: float, to_s: float) -> bool:
        """Whether any core stood still at some time between two moments."""
        return any(
            each.until_s > from_s and each.until_s - each.seconds < to_s for each in self.stalls
        )

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.stalls.append(Stall(**json.loads(line)))
        if process.stdout:
            process.stdout.close()


def beside_stalls(lines: Sequence[dict[str, Any]], witnesses: Witnesses) -> dict[str, Any]:
    """Return how the machine stood still, and the late blocks of seconds in which it did not."""
    seconds = [line for line in lines if "blocks" in line]
    unexplained = sum(
        now["late_blocks"] - before["late_blocks"]
        for before, now in pairwise(seconds)
        if not witnesses.were_still(before["moment"], now["moment"])
    )
    stalls = witnesses.stalls
    return {
        "machine_stalls": len(stalls),
        "machine_stall_max_ms": 1e3 * max((each.seconds for each in stalls), default=0.0),
        "late_blocks_without_stall": unexplained,
    }


def watch(core: int) -> None:
    """Print a line for each time this core stood still; returns at once without the priority."""
    os.sched_setaffinity(0, {core})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return
    gc.disable()
    before = time.monotonic()
    while True:
        time.sleep(_NAP_S)
        now = time.monotonic()
        overslept_s = now - before - _NAP_S
        if overslept_s > LEAST_STALL_S:
            line = {"core": core, "until_s": now, "seconds": overslept_s}
            print(json.dumps(line), flush=True)
        before = time.monotonic()


def _start(core: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- our own module
        [sys.executable, "-m", "benchmarks.core_stalls", str(core)],
        stdout=subprocess.PIPE,
        text=True,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Watch the core that is named."""
    (core,) = sys.argv[1:] if words is None else words
    watch(int(core))


if __name__ == "__main__":
    main()
