"""Handshakes that fail before anybody is asked about them: no CURVE, or the wrong server key.

ZAP never hears of these, so libzmq's monitor of the listening socket is read (zmq_socket_monitor,
version 1: a frame of event and value, a frame of the address). All are counted; what is logged is
one line an interval with their number, for a flood must not fill the disk.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import zmq

if TYPE_CHECKING:
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics

LOG_INTERVAL_S: Final = 10.0
_ADDRESS: Final = "inproc://handshakes"
_EVENT: Final = struct.Struct("=Hi")
_REASONS: Final = {
    int(
        zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
    ): "no detail",  # as libzmq calls it: mostly NULL or PLAIN
    int(zmq.Event.HANDSHAKE_FAILED_PROTOCOL): "protocol",  # mostly a wrong server key; or malformed
}
_MAXIMUM_EVENTS_PER_TURN: Final = 256


class HandshakeMonitor:
    """Counts and tells the failures of one socket; lives on the thread that polls ``events``."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        log: Logger,
        metrics: Metrics | None,
        clock: Callable[[], float],
    ) -> None:
        """Watch a socket that is not bound yet."""
        self._log = log
        self._metrics = metrics
        self._clock = clock
        self._untold: Counter[str] = Counter()
        self._told_at = -LOG_INTERVAL_S
        socket.monitor(_ADDRESS, sum(_REASONS))
        self.events = context.socket(zmq.PAIR)
        self.events.connect(_ADDRESS)

    def read_all(self) -> None:
        """Take in what has failed since the last call, and tell it when it is time."""
        for _ in range(_MAXIMUM_EVENTS_PER_TURN):
            try:
                frames = self.events.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            event, _ = _EVENT.unpack(frames[0])
            self.failed(_REASONS[event])
        self.tell()

    def failed(self, reason: str) -> None:
        """Take note of one failure."""
        self._untold[reason] += 1
        if self._metrics is not None:
            self._metrics.failed_handshakes.labels(reason=reason).inc()

    def tell(self) -> None:
        """Log what has failed since the last line, once an interval at most."""
        now = self._clock()
        if self._untold and now - self._told_at >= LOG_INTERVAL_S:
            self._log.warning("handshakes failed", **self._untold)
            self._told_at = now
            self._untold.clear()
