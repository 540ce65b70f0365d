"""A block there and its stems back through the server, against a bare echo of as many bytes."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from benchmarks.raw_echo import raw_echo_us
from plugin_bridge.connection import Connection, open_stream
from plugin_bridge.embedded import EmbeddedServer
from plugin_bridge.handshake import STREAM, StreamRequest
from protocol import Audio, Stems

_BLOCK_FRAMES = 512  # one hop: every block is answered
_CHANNELS = 2
_BATCHES = 10
_WARM_UP_ROUNDS = 200
_TIMEOUT_S = 5.0
_REQUEST = StreamRequest(
    rate_hz=44100,
    channels=_CHANNELS,
    max_block_frames=_BLOCK_FRAMES,
    model="fixed-gains",  # costs next to nothing: what is left is the transport
    profile="live",
    stems=("vocals",),
)


def measure_transport(rounds: int = 5000) -> dict[str, float]:
    """Return the ``transport`` section.

    Ours encodes, checks, decodes, queues, wakes the engine and runs a model of fixed gains; theirs
    is ``send_multipart`` and ``recv_multipart``. Batches of both are taken in turn.
    """
    ours: list[npt.NDArray[np.float64]] = []
    raw: list[npt.NDArray[np.float64]] = []
    block_bytes = _BLOCK_FRAMES * _CHANNELS * 4
    batch = rounds // _BATCHES
    with EmbeddedServer(model=_REQUEST.model) as server:
        connection, _ = open_stream(server.endpoint, _REQUEST, _TIMEOUT_S)
        with connection:
            blocks = _Blocks(connection)
            blocks.exchange_us(_WARM_UP_ROUNDS)
            for _ in range(_BATCHES):
                ours.append(blocks.exchange_us(batch))
                raw.append(
                    raw_echo_us(request_bytes=block_bytes, reply_bytes=block_bytes, rounds=batch)
                )
    p50, p99, p999 = np.percentile(np.concatenate(ours), (50, 99, 99.9))
    raw_p50, raw_p99 = np.percentile(np.concatenate(raw), (50, 99))
    return {
        "p50_us": float(p50),
        "p99_us": float(p99),
        "p999_us": float(p999),
        "raw_pyzmq_p50_us": float(raw_p50),
        "raw_pyzmq_p99_us": float(raw_p99),
        "ratio_vs_raw_pyzmq_p50": float(p50 / raw_p50),
        "ratio_vs_raw_pyzmq_p99": float(p99 / raw_p99),
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

    def _exchange(self) -> None:
        position = self._sequence * _BLOCK_FRAMES
        self._connection.send(Audio(STREAM, self._sequence, position, self._samples), _TIMEOUT_S)
        self._sequence += 1
        while not isinstance(message := self._connection.receive(_TIMEOUT_S), Stems):
            if message is None:
                raise TimeoutError(f"no stems within {_TIMEOUT_S:g} s for block {self._sequence}")
