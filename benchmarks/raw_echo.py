"""The yardstick for the transport: a bare pyzmq DEALER/ROUTER echo of the same number of bytes."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zmq

_STOP = b"stop"
_TIMEOUT_MS = 5000


def raw_echo_us(*, request_bytes: int, reply_bytes: int, rounds: int) -> npt.NDArray[np.float64]:
    """Round-trip times in microseconds of two-part messages over ipc between two processes."""
    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"ipc://{Path(folder) / 'echo.sock'}"
        with _echo_process(endpoint, reply_bytes), zmq.Context() as context:
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.rcvtimeo = _TIMEOUT_MS
            socket.connect(endpoint)
            try:
                return _time_rounds(socket, b"h" * 80, b"\0" * request_bytes, rounds)
            finally:
                socket.send_multipart([_STOP, b""])
                socket.close()


def _time_rounds(
    socket: zmq.Socket[bytes], header: bytes, payload: bytes, rounds: int
) -> npt.NDArray[np.float64]:
    times_us = np.zeros(rounds)
    for index in range(rounds):
        start = time.perf_counter()
        socket.send_multipart([header, payload])
        socket.recv_multipart()
        times_us[index] = (time.perf_counter() - start) * 1e6
    return times_us


@contextlib.contextmanager
def _echo_process(endpoint: str, reply_bytes: int) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(
        target=_echo, args=(endpoint, reply_bytes), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.join(timeout=_TIMEOUT_MS / 1e3)
        process.kill()


def _echo(endpoint: str, reply_bytes: int) -> None:
    """Answer every message with ``reply_bytes`` bytes until told to stop."""
    reply = b"\0" * reply_bytes
    with zmq.Context() as context:
        socket = context.socket(zmq.ROUTER)
        socket.linger = _TIMEOUT_MS
        socket.bind(endpoint)
        while True:
            identity, header, _payload = socket.recv_multipart()
            if header == _STOP:
                break
            socket.send_multipart([identity, header, reply])
        socket.close()
