"""The live half of a soak: healthy streams in real time, while things happen to other clients."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import psutil

from benchmarks.core_stalls import Witnesses, beside_stalls
from benchmarks.soak_players import Player
from benchmarks.soak_samples import (
    Sample,
    growth_mib,
    sample,
    settled_threads_and_descriptors,
)
from benchmarks.soak_struck import FAULTS
from plugin_bridge import EmbeddedServer

_START_S = 60.0
_SETTLE_S = 3.0  # for the last struck client to be forgotten
_STOPPED_S = 2.0


class _Struck:
    """Strikes clients, one after the other, by a seed; counts what was done."""

    def __init__(self, endpoint: str, model: str, seed: int) -> None:
        self._where = (endpoint, model)
        self._draws = random.Random(seed)  # noqa: S311 -- a fault's turn is no secret
        self._kinds = list(FAULTS)
        self.strikes: list[dict[str, Any]] = []
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(2 * _START_S)

    def _run(self) -> None:
        while not self._is_over.is_set():
            for kind in self._draws.sample(self._kinds, len(self._kinds)):
                if self._is_over.wait(self._draws.uniform(0.1, 1.5)):
                    return
                self._strike(kind)

    def _strike(self, kind: str) -> None:
        endpoint, model = self._where
        seed = str(self._draws.randrange(2**31))
        started = time.monotonic()
        with subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "benchmarks.soak_struck", kind, endpoint, model, seed],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            begun = bool(process.stdout and process.stdout.readline())
            if begun and kind == "killed":
                time.sleep(self._draws.uniform(0.0, 2.0))
                process.kill()
            elif begun and kind == "stopped":
                time.sleep(self._draws.uniform(0.2, 1.0))
                process.send_signal(signal.SIGSTOP)
                time.sleep(_STOPPED_S)
                process.send_signal(signal.SIGCONT)
        (self.done if begun else self.refused)[kind] += 1
        self.strikes.append({"kind": kind, "from_s": started, "to_s": time.monotonic()})


def soak_live(
    seconds: float,
    streams: int,
    *,
    model: str,
    profile: str = "live",
    struck_model: str,
    seed: int,
    on_sample: Callable[[Sample], None] = lambda _: None,
) -> tuple[dict[str, Any], list[Sample], dict[str, Any]]:
    """Return figures, samples and events of ``seconds`` with healthy streams of ``model``.

    Events are on the monotonic clock: what the healthy clients said each second, what struck others
    and when, and when the machine stood still.
    Struck clients use ``struck_model``: cheap, so that there is room for them beside a full load.
    """
    witnesses = Witnesses()
    with EmbeddedServer(model=model, profile=profile) as server, witnesses.watching():
        process = psutil.Process(server.pid)
        with _playing(server.endpoint, streams, seconds, model, profile) as player:
            struck = _Struck(server.endpoint, struck_model, seed)
            struck.start()
            samples = list(_sampled(process, player, max(1.0, seconds - _SETTLE_S), on_sample))
            struck.stop()
            player.has_ended.wait(_START_S)
            last = sample(process, samples[-1].seconds, player.heard)
        figures = _figures(player, samples, last) | beside_stalls(player.lines, witnesses)
        figures |= {
            "streams": streams,
            "model": model,
            "profile": profile,
            "seed": seed,
            "faults": dict(struck.done),
            "refused": dict(struck.refused),
            "restarts": server.restarts,
        }
    events = {
        "heard": player.lines,
        "strikes": struck.strikes,
        "stalls": [asdict(each) for each in witnesses.stalls],
    }
    return figures, samples, events


@contextmanager
def _playing(
    endpoint: str, streams: int, seconds: float, model: str, profile: str
) -> Iterator[Player]:
    player = Player(endpoint, streams, seconds, model, profile)
    try:
        player.is_ready.wait(_START_S)
        yield player
    finally:
        player.kill()


def _sampled(
    process: psutil.Process,
    player: Player,
    seconds: float,
    on_sample: Callable[[Sample], None],
) -> Iterator[Sample]:
    """Yield a sample a second."""
    started = time.monotonic()
    with suppress(psutil.NoSuchProcess):  # the end of the server shows in the clients' losses
        while (elapsed := time.monotonic() - started) < seconds and not player.has_ended.is_set():
            taken = sample(process, elapsed, player.heard)
            on_sample(taken)
            yield taken
            player.has_ended.wait(1.0)


def _figures(player: Player, samples: list[Sample], last: Sample) -> dict[str, Any]:
    heard = player.heard
    threads, descriptors = settled_threads_and_descriptors(samples)
    trips = sorted(line["round_trip_max_ms"] for line in player.lines if "blocks" in line)
    return {
        "seconds": last.seconds,
        "blocks": heard.get("blocks", 0),
        "late_blocks": heard.get("late_blocks", 0),
        "losses": heard.get("losses", 0) + (0 if heard.get("done") else 1),
        "host_xruns": heard.get("host_xruns", 0),
        "round_trip_max_ms": trips[-1] if trips else 0.0,
        "rss_first_mib": samples[0].rss_mib,
        "rss_last_mib": last.rss_mib,
        "memory_growth_mib": growth_mib(samples),
        "threads_first": threads,
        "threads_last": last.threads,
        "threads_most": max(each.threads for each in samples),
        "descriptors_first": descriptors,
        "descriptors_last": last.descriptors,
        "descriptors_most": max(each.descriptors for each in samples),
    }
