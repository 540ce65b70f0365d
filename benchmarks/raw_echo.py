"""The yardstick for the transport: a bare pyzmq DEALER/ROUTER echo of the same number of bytes.

At the ordinary priority, or with its threads at the one that a server's have.
"""

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

from server.lanes.priority import claim_realtime, claim_realtime_for_sockets

_STOP = b"stop"
_TIMEOUT_MS = 5000


class RawEcho:
    """A socket that another process echoes: sends two parts, a header and a payload."""

    def __init__(self, socket: zmq.Socket[bytes], request_bytes: int) -> None:
        self._socket = socket
        self._parts = [b"h" * 80, b"\0" * request_bytes]

    def exchange_us(self, rounds: int) -> npt.NDArray[np.float64]:
        """Return round-trip times in microseconds."""
        times_us = np.zeros(rounds)
        for index in range(rounds):
            start = time.perf_counter()
            self._socket.send_multipart(self._parts)
            self._socket.recv_multipart()
            times_us[index] = (time.perf_counter() - start) * 1e6
        return times_us


@contextlib.contextmanager
def raw_echo(
    *, request_bytes: int, reply_bytes: int, at_realtime: bool = False
) -> Iterator[RawEcho]:
    """Give an echo over ipc between two processes."""
    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"ipc://{Path(folder) / 'echo.sock'}"
        with (
            _echo_process(endpoint, reply_bytes, at_realtime=at_realtime),
            zmq.Context() as context,
        ):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.rcvtimeo = _TIMEOUT_MS
            socket.connect(endpoint)
            try:
                yield RawEcho(socket, request_bytes)
            finally:
                socket.send_multipart([_STOP, b""])
                socket.close()


@contextlib.contextmanager
def _echo_process(endpoint: str, reply_bytes: int, *, at_realtime: bool) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(
        target=_echo,
        args=(endpoint, reply_bytes),
        kwargs={"at_realtime": at_realtime},
        daemon=True,
    )
    process.start()
    try:
        yield
    finally:
        process.join(timeout=_TIMEOUT_MS / 1e3)
        process.kill()


def _echo(endpoint: str, reply_bytes: int, *, at_realtime: bool = False) -> None:
    """Answer every message with ``reply_bytes`` bytes until told to stop."""
    reply = b"\0" * reply_bytes
    with zmq.Context() as context:
        socket = context.socket(zmq.ROUTER)
        socket.linger = _TIMEOUT_MS
        socket.bind(endpoint)
        if at_realtime:
            claim_realtime()
            claim_realtime_for_sockets()
        while True:
            identity, header, _payload = socket.recv_multipart()
            if header == _STOP:
                break
            socket.send_multipart([identity, header, reply])
        socket.close()
