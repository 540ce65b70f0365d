"""What it costs to begin and to wait: import, an embedded server, its idleness, one more stream."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

import psutil

from benchmarks.song import bundled_song
from plugin_bridge import connect
from plugin_bridge.embedded import EmbeddedServer

MODELS = ("fixed-gains", "rocknet", "phoenix")
_IMPORTS = 7
_STARTS = 3
_IDLE_S = 10.0
_STREAMS = 3  # beside a first one, which also pays for what all share
_STREAM_SECONDS = 18  # fills the context and the room for what runs ahead: every page is touched
_MEBIBYTE = 2**20
_TIME_THE_IMPORT = """
import sys, time
start = time.process_time()
import plugin_bridge
imported = time.process_time()
plugin_bridge.connect
used = time.process_time()
heavy = (name for name in sys.argv[1:] if name in sys.modules)
print(imported - start, used - start, *heavy)
"""


def measure_start() -> dict[str, object]:
    """Return the ``start`` section; a first server warms the caches and is left out."""
    with EmbeddedServer(model=MODELS[-1]):
        pass
    imported, used = import_seconds()
    return {
        "import_bridge_s": imported,
        "import_and_name_connect_s": used,
        "embedded_server_ready_s": median(_ready_seconds() for _ in range(_STARTS)),
        "idle_server_processor_percent": idle_percent(_IDLE_S),
        "mib_per_extra_stream": {model: stream_mib(model) for model in MODELS},
    }


def import_seconds() -> tuple[float, float]:
    """Median processor seconds of ``import plugin_bridge``, and of that with ``connect`` named.

    In fresh interpreters; with the name come numpy and pyzmq. Raises RuntimeError where torch or
    numba come in with it.
    """
    imports, uses = [], []
    for _ in range(_IMPORTS):
        done = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-c", _TIME_THE_IMPORT, "torch", "numba"],
            capture_output=True,
            text=True,
            check=True,
        )
        imported, used, *heavy = done.stdout.split()
        if heavy:
            raise RuntimeError(f"importing the bridge imports {' and '.join(heavy)}")
        imports.append(float(imported))
        uses.append(float(used))
    return median(imports), median(uses)


def _ready_seconds() -> float:
    """Seconds on the wall from nothing to a server that takes streams, the default model warm."""
    start = time.perf_counter()
    with EmbeddedServer(model=MODELS[-1]):
        return time.perf_counter() - start


def idle_percent(seconds: float) -> float:
    """Share of one core that a ready server takes while nobody asks: all its processes."""
    others = _ours()
    with EmbeddedServer(model=MODELS[-1]):
        server = _ours() - others
        before = _processor_seconds(server)
        time.sleep(seconds)
        return 100.0 * (_processor_seconds(server) - before) / seconds


def stream_mib(model: str) -> float:
    """Resident memory of the engine for one more stream, in MiB.

    Streams are fed until their buffers are full and stay open; a first one pays for what is shared.
    """
    with EmbeddedServer(model=model) as server, contextlib.ExitStack() as stack:
        engine = psutil.Process(server.pid)
        stack.enter_context(_fed_stream(server.endpoint, model))
        before = engine.memory_info().rss
        for _ in range(_STREAMS):
            stack.enter_context(_fed_stream(server.endpoint, model))
        return (engine.memory_info().rss - before) / _STREAMS / _MEBIBYTE


@contextlib.contextmanager
def _fed_stream(endpoint: str, model: str) -> Iterator[None]:
    """Hold a stream of the live profile open that has separated the song's first seconds."""
    song = bundled_song().excerpt(_STREAM_SECONDS)
    with connect(endpoint, rate_hz=song.rate_hz, model=model, profile="live") as session:
        for _ in session.separate(song.mixture):
            pass
        yield


def _ours() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _processor_seconds(processes: set[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)
