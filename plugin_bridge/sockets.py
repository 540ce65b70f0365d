"""The DEALER socket's options, the same for blocking, asyncio and real-time use."""

from __future__ import annotations

from typing import Any, Final

import zmq

from protocol import DEFAULT_LIMITS

# A few dozen messages; with 256-frame blocks less than half a second, and a live session gives a
# silent connection up, queue and all, long before that.
HIGH_WATER_MARK: Final = 64
SERVER_SILENCE_S: Final = 1.0  # after which a ping asks whether anybody is there
SEND_TIMEOUT_S: Final = 3.0  # credit leaves room in every queue, so a full one means nobody reads
KEEP_ALIVE_S: Final = 3.0  # a server forgets connections that say nothing


def configure(socket: zmq.Socket[Any]) -> None:
    """Set a fresh DEALER socket up.

    Nothing is queued for a server that is not there (IMMEDIATE), nothing outlives close (LINGER),
    and libzmq does not reconnect by itself: the server behind a new connection would not know the
    stream.
    """
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.MAXMSGSIZE, DEFAULT_LIMITS.maximum_payload_bytes)
    socket.setsockopt(zmq.IPV6, 1)
