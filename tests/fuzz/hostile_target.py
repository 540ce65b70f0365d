"""The server under attack, what it holds, and the well-behaved client beside the attackers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

if TYPE_CHECKING:
    from server import Server

ROUND_TRIP_MS = 250.0  # what the well-behaved client grants: enough on a machine that others use
_CLIENT = Path(__file__).with_name("well_behaved.py")
_FORGET_TIMEOUT_S = 30.0
_HANG_UP_S = 0.1  # the thread and the descriptor that answered for the meters are not counted


class Footprint(NamedTuple):
    """What a server's processes hold: the supervisor's and the engine's."""

    resident_bytes: int
    threads: int
    descriptors: int
    peers: int
    streams: int


class WellBehaved:
    """The client of ``well_behaved.py``, running."""

    def __init__(
        self,
        endpoint: str,
        round_trip_ms: float = ROUND_TRIP_MS,
        keys: dict[str, str] | None = None,
    ) -> None:
        arguments = {"round_trip_ms": round_trip_ms, **(keys or {})}
        self._process = subprocess.Popen(
            [sys.executable, str(_CLIENT), endpoint, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "playing\n", "the client found no server"

    def finish(self) -> dict[str, Any]:
        """Return what it counted."""
        output, _ = self._process.communicate(timeout=60)
        counted: dict[str, Any] = json.loads(output)
        return counted

    def kill(self) -> None:
        """End it, if it still runs."""
        self._process.kill()
        self._process.communicate()


def footprint(pid: int, metrics_url: str) -> Footprint:
    """Return what a server holds at this moment."""
    supervisor = psutil.Process(pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    meters = read_meters(metrics_url)
    time.sleep(_HANG_UP_S)
    return Footprint(
        sum(process.memory_info().rss for process in processes),
        sum(process.num_threads() for process in processes),
        sum(process.num_fds() for process in processes),
        int(meters["phoenix_stems_peers"]),
        int(meters["phoenix_stems_streams"]),
    )


def settled_footprint(pid: int, metrics_url: str, peers: int) -> Footprint:
    """Wait until all but ``peers`` connections have been forgotten; return what is left."""
    deadline = time.monotonic() + _FORGET_TIMEOUT_S
    while (held := footprint(pid, metrics_url)).peers > peers:
        assert time.monotonic() < deadline, f"vanished attackers are still held: {held}"
        time.sleep(0.1)
    return held


def tables(server: Server) -> dict[str, int]:
    """Return the lengths of everything in a server of this process that could grow."""
    sessions = server._sessions
    assert sessions is not None
    return {
        "peers": len(sessions._table),
        "streams": len(sessions._table.streams),
        "peers with answers waiting": len(sessions._outbound._waiting),
        "openings and switches": sessions._streams._loads._in_all,
        "opener's queue": server._opener._executor._work_queue.qsize(),
        "mailbox": len(server._mailbox._jobs),
    }


def settled_tables(server: Server, peers: int) -> dict[str, int]:
    """Wait until all but ``peers`` connections have been forgotten; return what is left."""
    deadline = time.monotonic() + _FORGET_TIMEOUT_S
    while (held := tables(server))["peers"] > peers:
        assert time.monotonic() < deadline, f"vanished attackers are still held: {held}"
        time.sleep(0.1)
    return held


def read_meters(metrics_url: str) -> dict[str, float]:
    """Return the meters by name, labels included."""
    with urllib.request.urlopen(metrics_url, timeout=10) as answer:  # noqa: S310 -- our own
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def check_well_behaved(counted: dict[str, Any]) -> None:
    """Assert that nothing was late, lost or wrong."""
    assert counted["blocks"] > 0
    kept = ("wrong_samples", "late_blocks", "losses", "dropped_frames", "unsent_blocks")
    assert {name: counted[name] for name in kept} == dict.fromkeys(kept, 0), counted


def describe(counted: dict[str, Any]) -> str:
    """Return what the well-behaved client counted, for people."""
    p99, maximum = (
        1000 * counted[f"round_trip_{name}_samples"] / 44_100 for name in ("p99", "max")
    )
    return (
        f"well-behaved client: {counted['blocks']} blocks, {counted['late_blocks']} late, "
        f"{counted['wrong_samples']} samples wrong; round trip p99 {p99:.1f} ms, max {maximum:.1f} "
        f"of {counted['round_trip_ms']:.0f}; {counted['xruns']} stalls of its own thread"
    )
