"""A thread as busy in Python as the server's I/O thread is in a flood of messages."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import msgpack  # type: ignore[import-untyped]
import zmq


@contextlib.contextmanager
def busy_thread() -> Iterator[None]:
    """Run it meanwhile: it sends, receives, unpacks, and gives the lock away at each call."""
    stop = threading.Event()
    with (
        zmq.Context() as context,
        context.socket(zmq.PAIR) as here,
        context.socket(zmq.PAIR) as there,
    ):
        here.bind("inproc://busy")
        there.connect("inproc://busy")
        thread = threading.Thread(target=_exchange_until, args=(stop, here, there), name="busy")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _exchange_until(
    stop: threading.Event, here: zmq.Socket[bytes], there: zmq.Socket[bytes]
) -> None:
    message = msgpack.packb({"type": "audio", "stream": 1, "values": list(range(20))})
    while not stop.is_set():
        here.send(message)
        fields = msgpack.unpackb(there.recv())
        for value in range(60):
            fields["stream"] = value
