"""The I/O thread: the only one that touches the socket, and the one that runs the sessions.

It sleeps in one poll for the socket and the mailbox, so an idle server costs nothing, and it never
blocks in a send. See ``zmq_setsockopt(3)`` for the options.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import zmq

from server.errors import EndpointInUseError
from server.outbound import Frames, SendResult
from server.security import prepare_endpoint, remove_endpoint

if TYPE_CHECKING:
    from protocol import Limits
    from server.config import QueuesConfig
    from server.log import Logger
    from server.mailbox import Mailbox

BURST_MESSAGES = 64  # received before the engine's answers get their turn
RETRY_INTERVAL_MS = 2  # while a peer's queue is full; libzmq does not say when it has room
HEARTBEAT_INTERVAL_MS = 1000
HEARTBEAT_TIMEOUT_MS = 5000
HANDSHAKE_TIMEOUT_MS = 2000
_GONE = {zmq.EHOSTUNREACH, zmq.ENOTCONN, zmq.ECONNRESET}

Receive = Callable[[bytes, list[bytes]], None]
Retry = Callable[[], bool]  # offers again what was not taken; tells whether something waits
KeepHouse = Callable[[], None]


class Transport:
    """The ROUTER socket and its thread."""

    def __init__(
        self, endpoint: str, queues: QueuesConfig, limits: Limits, mailbox: Mailbox, log: Logger
    ) -> None:
        self._mailbox = mailbox
        self._log = log
        self._maximum_frames = limits.maximum_frames_per_message
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.ROUTER)
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        try:
            self._configure(queues, limits)
            self.endpoint = self._bind(endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def start(
        self, receive: Receive, retry: Retry, keep_house: KeepHouse, interval_s: float
    ) -> None:
        """Start the thread: ``receive`` per message, ``retry`` per turn, ``keep_house`` rarely."""
        arguments = (receive, retry, keep_house, interval_s)
        self._thread = threading.Thread(target=self._run, args=arguments, name="io", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the thread and close the socket; what libzmq has not sent yet is given a moment."""
        self._mailbox.post(self._ask_to_stop)
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._thread is None or not self._thread.is_alive():
            self._context.destroy(linger=100)
            remove_endpoint(self.endpoint)

    def offer(self, identity: bytes, frames: Frames) -> SendResult:
        """Hand a message to libzmq without blocking; even 200 kB are copied faster than shared."""
        try:
            self._socket.send_multipart([identity, *frames], zmq.DONTWAIT)
        except zmq.Again:
            return SendResult.FULL
        except zmq.ZMQError as error:
            if error.errno in _GONE:
                return SendResult.GONE
            raise
        return SendResult.SENT

    def _configure(self, queues: QueuesConfig, limits: Limits) -> None:
        socket = self._socket
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, queues.send_messages)
        socket.setsockopt(zmq.RCVHWM, queues.receive_messages)
        socket.setsockopt(zmq.MAXMSGSIZE, limits.maximum_payload_bytes)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS)
        socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)

    def _bind(self, endpoint: str) -> str:
        prepare_endpoint(endpoint)
        self._socket.setsockopt(zmq.IPV6, int(endpoint.startswith("tcp://[")))
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise EndpointInUseError(
                f"endpoint {endpoint}: {error.strerror}; stop what listens there or use --bind"
            ) from error
        return str(self._socket.getsockopt_string(zmq.LAST_ENDPOINT))

    def _ask_to_stop(self) -> None:
        self._is_stopping = True

    def _run(
        self, receive: Receive, retry: Retry, keep_house: KeepHouse, interval_s: float
    ) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._mailbox.fileno(), zmq.POLLIN)
        has_waiting, next_housekeeping = False, time.monotonic() + interval_s
        while not self._is_stopping:
            poller.poll(RETRY_INTERVAL_MS if has_waiting else round(interval_s * 1000))
            try:
                self._mailbox.run_all()
                self._receive_burst(receive)
                has_waiting = retry()
                if time.monotonic() >= next_housekeeping:
                    keep_house()
                    next_housekeeping = time.monotonic() + interval_s
            except Exception as error:  # noqa: BLE001 -- one bad turn must not end everybody's
                self._log.error("I/O turn failed", exc_info=error)

    def _receive_burst(self, receive: Receive) -> None:
        for _ in range(BURST_MESSAGES):
            try:
                identity = self._socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            receive(identity, self._rest_of_message())

    def _rest_of_message(self) -> list[bytes]:
        """Read the frames behind the identity; of too many, one more than allowed is kept."""
        frames: list[bytes] = []
        while self._socket.getsockopt(zmq.RCVMORE):
            frame = self._socket.recv()
            if len(frames) <= self._maximum_frames:
                frames.append(frame)
        return frames
