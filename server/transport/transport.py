"""The I/O thread: the only one that touches the socket, and the one that runs the sessions.

It sleeps in one poll for the socket and the mailbox, so an idle server costs nothing, and it never
blocks in a send. See ``zmq_setsockopt(3)`` for the options.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import zmq

from server.errors import EndpointInUseError
from server.lanes.priority import claim_realtime, claim_realtime_for_sockets
from server.security.listening import prepare_endpoint, remove_endpoint
from server.transport.monitor import HandshakeMonitor
from server.transport.outbound import Frames, SendResult
from server.transport.zap import USER_ID, ZapHandler

if TYPE_CHECKING:
    from protocol import Limits
    from server.config import QueuesConfig
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics
    from server.security.gate import Gate
    from server.transport.mailbox import Mailbox

BURST_MESSAGES = 64  # received before the engine's answers get their turn
RETRY_INTERVAL_MS = 2  # while a peer's queue is full; libzmq does not say when it has room
HEARTBEAT_INTERVAL_MS = 1000
HEARTBEAT_TIMEOUT_MS = 5000
HANDSHAKE_TIMEOUT_MS = 2000
_MORE = zmq.DONTWAIT | zmq.SNDMORE
_READABLE = int(zmq.POLLIN)  # plain, as an enumeration's operators are slow
_GONE = {zmq.EHOSTUNREACH, zmq.ENOTCONN, zmq.ECONNRESET}

Receive = Callable[[bytes, list[memoryview]], None]
Retry = Callable[[], bool]  # offers again what was not taken; tells whether something waits
KeepHouse = Callable[[], None]
Awaited = Callable[
    [], Iterable[tuple["zmq.Socket[bytes]", int]]
]  # sockets, events: others to wake for
Revoked = Callable[[bytes], None]  # told of the sender of a message whose key has been revoked

_REBIND_TIMEOUT_S = 1.0  # libzmq gives an address back a moment after unbind
_REBIND_PAUSE_S = 0.01


class Transport:
    """The ROUTER socket and its thread; with a gate, CURVE for everybody who comes."""

    def __init__(
        self,
        endpoint: str,
        queues: QueuesConfig,
        limits: Limits,
        mailbox: Mailbox,
        log: Logger,
        *,
        gate: Gate | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._log = log
        self._maximum_frames = limits.maximum_frames_per_message
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.ROUTER)
        self._zap: ZapHandler | None = None
        self._monitor: HandshakeMonitor | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._is_bound = True
        try:
            self._configure(queues, limits)
            if gate is not None:
                self._zap = ZapHandler(self._context, gate, log, metrics)
                self._zap.guard(self._socket)
                self._monitor = HandshakeMonitor(
                    self._context, self._socket, log, metrics, time.monotonic
                )
            self.endpoint = self._bind(endpoint)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def start(
        self,
        receive: Receive,
        retry: Retry,
        keep_house: KeepHouse,
        interval_s: float,
        revoked: Revoked = lambda _: None,
        *,
        awaited: Awaited = tuple,
    ) -> None:
        """Start the thread: ``receive`` per message, ``retry`` per turn, ``keep_house`` rarely."""
        self._receive, self._revoked, self._awaited = receive, revoked, awaited
        arguments = (retry, keep_house, interval_s)
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
            self._socket.send(identity, _MORE)
            for frame in frames[:-1]:
                self._socket.send(frame, _MORE)
            self._socket.send(frames[-1], zmq.DONTWAIT)
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
        prepare_endpoint(endpoint, is_encrypted=self._zap is not None)
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

    def _run(self, retry: Retry, keep_house: KeepHouse, interval_s: float) -> None:
        claim_realtime()
        claim_realtime_for_sockets()
        poller = self._make_poller()
        has_waiting, next_housekeeping = False, time.monotonic() + interval_s
        while not self._is_stopping:
            awaited = self._awaited()
            for socket, events in awaited:
                poller.register(socket, events)
            timeout_ms = RETRY_INTERVAL_MS if has_waiting else round(interval_s * 1000)
            ready = dict(poller.poll(timeout_ms))
            for socket, _ in awaited:
                poller.unregister(socket)
            try:
                self._mailbox.run_all()
                if self._zap is not None:
                    self._zap.answer_all()
                if self._monitor is not None:
                    self._monitor.read_all()
                if self._socket in ready:
                    self._receive_burst()
                has_waiting = retry()
                if time.monotonic() >= next_housekeeping:
                    self._keep_keys()
                    keep_house()
                    next_housekeeping = time.monotonic() + interval_s
            except Exception as error:  # noqa: BLE001 -- one bad turn must not end everybody's
                self._log.error("I/O turn failed", exc_info=error)

    def _make_poller(self) -> zmq.Poller:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._mailbox.fileno(), zmq.POLLIN)
        if self._zap is not None:
            poller.register(self._zap.socket, zmq.POLLIN)
        if self._monitor is not None:
            poller.register(self._monitor.events, zmq.POLLIN)
        return poller

    def _receive_burst(self) -> None:
        for _ in range(BURST_MESSAGES):
            try:
                identity = self._socket.recv(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            frames = self._rest_of_message(identity)
            if self._zap is None or self._zap.is_allowed(str(identity.get(USER_ID))):
                self._receive(identity.bytes, frames)
            else:
                self._revoked(identity.bytes)
            if not int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
                return

    def _rest_of_message(self, frame: zmq.Frame) -> list[memoryview]:
        """Read the frames behind the identity; of too many, one more than allowed is kept."""
        frames: list[memoryview] = []
        while frame.more:
            frame = self._socket.recv(copy=False)
            if len(frames) <= self._maximum_frames:
                frames.append(frame.buffer)
        return frames

    def _keep_keys(self) -> None:
        """Take in changed keys; a new key of the server's own needs a new listener."""
        if self._zap is None:
            return
        if self._zap.keep_house():
            self._rebind(self._zap)
        elif not self._is_bound:
            self._try_to_bind()

    def _rebind(self, zap: ZapHandler) -> None:
        """Listen under the new key; whoever is connected comes back by its own means."""
        zap.set_key(self._socket)
        if self._is_bound:
            self._socket.unbind(self.endpoint)
            self._is_bound = False
        deadline = time.monotonic() + _REBIND_TIMEOUT_S
        while not self._try_to_bind() and time.monotonic() < deadline:
            time.sleep(_REBIND_PAUSE_S)
        self._log.info("key rotated", is_listening=self._is_bound)

    def _try_to_bind(self) -> bool:
        try:
            self._socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            self._log.debug("address not free yet", reason=error.strerror)
            return False
        self._is_bound = True
        return True
