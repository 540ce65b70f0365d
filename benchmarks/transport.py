"""What the wire costs: blocks through our codec, checks and sockets against a bare pyzmq echo.

The transport section answers every block from the I/O thread itself, so it is the server's socket
loop and both codecs, and nothing else. A server's threads have real-time priority where that is
granted, which makes each of their wake-ups dearer; so there are two echoes, one with the same
priorities and one with ordinary ones. ``exchange`` is the same block through a whole server:
queue, engine thread, pipeline and a model that costs next to nothing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.raw_echo import raw_echo
from plugin_bridge.connection import Connection, dial, open_stream
from plugin_bridge.embedded import EmbeddedServer
from plugin_bridge.handshake import STREAM, StreamRequest
from protocol import DEFAULT_LIMITS, Audio, Stems, decode, encode
from server.config import LogConfig, QueuesConfig
from server.monitoring.log import make_logger
from server.transport.mailbox import Mailbox
from server.transport.transport import Transport

_BLOCK_FRAMES = 512  # one hop of the whole server's model: every block is answered
_CHANNELS = 2
_BLOCK_BYTES = _BLOCK_FRAMES * _CHANNELS * 4
_BATCH_ROUNDS = 50  # short, so that all kinds meet the same moods of the machine
_WARM_UP_ROUNDS = 200
_TIMEOUT_S = 5.0
_START_TIMEOUT_S = 30.0
_REQUEST = StreamRequest(
    rate_hz=44100,
    channels=_CHANNELS,
    max_block_frames=_BLOCK_FRAMES,
    model="fixed-gains",
    profile="live",
    stems=("vocals",),
    freewheel=False,
)


def measure_transport(rounds: int = 5000) -> dict[str, float]:
    """Return the ``transport`` section; short batches of each kind are taken in turn."""
    echo = partial(raw_echo, request_bytes=_BLOCK_BYTES, reply_bytes=_BLOCK_BYTES)
    with (
        _echo_blocks() as ours,
        echo(at_realtime=True) as raw,
        echo() as ordinary,
        _server_blocks() as server,
    ):
        ways = (ours, raw, ordinary, server)
        for way in ways:
            way.exchange_us(_WARM_UP_ROUNDS)
        batches = [
            [way.exchange_us(_BATCH_ROUNDS) for way in ways] for _ in range(rounds // _BATCH_ROUNDS)
        ]
    times_us = np.concatenate(batches, axis=1)  # [way, round]
    p50, p99, p999 = np.percentile(times_us, (50, 99, 99.9), axis=1)
    return {
        "p50_us": float(p50[0]),
        "p99_us": float(p99[0]),
        "p999_us": float(p999[0]),
        "raw_pyzmq_p50_us": float(p50[1]),
        "raw_pyzmq_p99_us": float(p99[1]),
        "ratio_vs_raw_pyzmq_p50": float(p50[0] / p50[1]),
        "ratio_vs_raw_pyzmq_p99": float(p99[0] / p99[1]),
        "raw_pyzmq_at_ordinary_priority_p50_us": float(p50[2]),
        "raw_pyzmq_at_ordinary_priority_p99_us": float(p99[2]),
        "exchange_p50_us": float(p50[3]),
        "exchange_p99_us": float(p99[3]),
    }


class _Blocks:
    """Sends one block after another and waits for each one's stems."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._samples = np.zeros((_CHANNELS, _BLOCK_FRAMES), np.float32)
        self._sequence = 0

    def exchange_us(self, rounds: int) -> npt.NDArray[np.float64]:
        """Return round-trip times in microseconds."""
        times_us = np.zeros(rounds)
        for index in range(rounds):
            start = time.perf_counter()
            self._exchange()
            times_us[index] = (time.perf_counter() - start) * 1e6
        return times_us

    def send(self) -> None:
        """Send one block and wait for nothing."""
        position = self._sequence * _BLOCK_FRAMES
        self._connection.send(Audio(STREAM, self._sequence, position, self._samples), _TIMEOUT_S)
        self._sequence += 1

    def _exchange(self) -> None:
        self.send()
        while not isinstance(message := self._connection.receive(_TIMEOUT_S), Stems):
            if message is None:
                raise TimeoutError(f"no stems within {_TIMEOUT_S:g} s for block {self._sequence}")


@contextlib.contextmanager
def _server_blocks() -> Iterator[_Blocks]:
    """Give blocks that a whole server answers."""
    with EmbeddedServer(model=_REQUEST.model) as server:
        connection, _ = open_stream(server.endpoint, _REQUEST, _TIMEOUT_S)
        with connection:
            blocks = _Blocks(connection)
            blocks.send()  # from now on every block completes the stems of the one before
            blocks.exchange_us(_WARM_UP_ROUNDS)
            yield blocks


@contextlib.contextmanager
def _echo_blocks() -> Iterator[_Blocks]:
    """Give blocks that a server's I/O thread, in another process, answers by itself."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"ipc://{Path(folder) / 'transport.sock'}"
        process = spawn.Process(target=_answer_at_once, args=(endpoint, stop), daemon=True)
        process.start()
        try:
            with dial(endpoint, time.monotonic() + _START_TIMEOUT_S) as connection:
                blocks = _Blocks(connection)
                blocks.exchange_us(_WARM_UP_ROUNDS)
                yield blocks
        finally:
            stop.set()
            process.join(_TIMEOUT_S)
            process.kill()


def _answer_at_once(endpoint: str, stop: Event) -> None:
    """Run the server's transport with nothing behind it: every block comes back as a stem."""
    transport = Transport(
        endpoint, QueuesConfig(), DEFAULT_LIMITS, Mailbox(), make_logger(LogConfig())
    )

    def receive(identity: bytes, frames: list[memoryview]) -> None:
        message = decode(frames)
        if not isinstance(message, Audio):
            raise TypeError(f"{message.kind}: only audio is expected here")
        stems = Stems(
            message.stream,
            message.sequence,
            message.position_samples,
            _REQUEST.stems,
            message.samples[None],
        )
        transport.offer(identity, encode(stems))

    transport.start(receive, lambda: False, lambda: None, 1.0)
    stop.wait()
    transport.stop(_TIMEOUT_S)
