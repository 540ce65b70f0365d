"""One DEALER socket to a server, for one thread: messages in, messages out, with time limits."""

from __future__ import annotations

import time

import zmq

from plugin_bridge.access import Access, HandshakeWatch, Refusals, needs_watch
from plugin_bridge.closeable import Closeable
from plugin_bridge.errors import AccessRefused, ServerLost, ServerUnreachable
from plugin_bridge.handshake import Accepted, Handshake, Route, StreamRequest, handshake
from plugin_bridge.sockets import configure
from protocol import Message, Ping, Pong, UnknownMessage, decode, encode

_FIRST_ATTEMPT_MS = 20
_MORE = zmq.DONTWAIT | zmq.SNDMORE


class Connection(Closeable):
    """A socket connected, or connecting, to one endpoint. Pings of the server are answered here."""

    def __init__(
        self, endpoint: str, access: Access | None = None, refusals: Refusals | None = None
    ) -> None:
        """Begin to connect; raises ServerUnreachable when the endpoint makes no sense.

        ``refusals`` remembers earlier attempts at the same endpoint.
        """
        self.endpoint = endpoint
        self._refusals = refusals or Refusals(endpoint, access)
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        configure(self._socket)
        self._wait_ms = -1  # RCVTIMEO, as libzmq has it at first: without end
        self._watch = HandshakeWatch(self._socket) if needs_watch(endpoint) else None
        try:
            if access is not None:
                access.apply(self._socket)
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ServerUnreachable(
                f"endpoint {endpoint!r}: {error.strerror}; ipc:///path or tcp://127.0.0.1:port "
                "expected, as `phoenix-stems serve` prints it"
            ) from error

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """What to poll; reading and writing are for the methods here."""
        return self._socket

    def close(self) -> None:
        """Close the socket; what was not sent is dropped."""
        self._stop_watching()
        self._socket.close(linger=0)

    def try_send(self, message: Message) -> bool:
        """Send without blocking; False when the queue is full or nobody is connected.

        Raises AccessRefused, before the first message could be sent, when the server has refused.
        """
        try:
            *first, last = encode(message)
            for frame in first:
                self._socket.send(frame, _MORE)
            self._socket.send(last, zmq.DONTWAIT)
        except zmq.Again:
            self.check_access()
            return False
        return True

    def try_receive(self) -> Message | None:
        """Return a message that has arrived, if there is one.

        Raises ProtocolError when it is none of ours. Kinds that this version does not know are
        skipped.
        """
        while (frames := self._take_frames(zmq.DONTWAIT)) is not None:
            if (message := self._read(frames)) is not None:
                return message
        return None

    def send(self, message: Message, timeout_s: float) -> None:
        """Send, waiting for room if need be; raises ServerLost after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not self.try_send(message):
            if not self._wait_for_room(deadline):
                raise ServerLost(
                    f"{self.endpoint}: {message.kind} could not be sent within {timeout_s:g} s; "
                    "the server is gone or hangs"
                )

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while (frames := self._wait_for_frames(deadline)) is not None:
            if (message := self._read(frames)) is not None:
                return message
        return None

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Whether a server took the connection in that time."""
        return self._wait_for_room(time.monotonic() + timeout_s)

    def check_access(self) -> None:
        """Raise AccessRefused when it is sure that the server does not let us in."""
        failure = None if self._watch is None else self._watch.failure()
        reason = self._refusals.reason(failure)
        if reason is not None:
            raise AccessRefused(reason)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _read(self, frames: list[memoryview]) -> Message | None:
        """Return the message; None when it is of an unknown kind, or a ping, which is answered."""
        try:
            message = decode(frames)
        except UnknownMessage:
            return None
        if not isinstance(message, Ping):
            return message
        self.try_send(Pong(message.token))
        return None

    def _wait_for_frames(self, deadline: float) -> list[memoryview] | None:
        """Return the next message's frames; one blocking call spares a poll in front of it.

        What is already there is taken also after the deadline.
        """
        wait_ms = _remaining_ms(deadline)
        if wait_ms != self._wait_ms:
            self._socket.setsockopt(zmq.RCVTIMEO, wait_ms)
            self._wait_ms = wait_ms
        return self._take_frames(0)

    def _take_frames(self, flags: int) -> list[memoryview] | None:
        """Return the next message's frames, if there is one.

        A frame object knows whether more follow; asking the socket costs a call for each.
        """
        try:
            frame = self._socket.recv(flags, copy=False)
        except zmq.Again:
            return None
        frames = [frame.buffer]
        while frame.more:
            frame = self._socket.recv(copy=False)
            frames.append(frame.buffer)
        return frames

    def _wait_for_room(self, deadline: float) -> bool:
        return bool(self._socket.poll(_remaining_ms(deadline), zmq.POLLOUT))


def open_stream(
    endpoint: str, request: StreamRequest, timeout_s: float, access: Access | None = None
) -> tuple[Connection, Accepted]:
    """Connect and open a stream, following redirects; they are under the same keys.

    Raises ServerUnreachable when nobody answers in time, AccessRefused, RedirectLoop, or the
    server's refusal.
    """
    route, deadline = Route(endpoint), time.monotonic() + timeout_s
    while True:
        connection = dial(route.endpoint, deadline, access)
        try:
            accepted = _shake_hands(connection, handshake(request), deadline)
            if not route.follow(accepted.opened):
                return connection, accepted
        except BaseException:
            connection.close()
            raise
        connection.close()


def dial(endpoint: str, deadline: float, access: Access | None = None) -> Connection:
    """Return a connection that a server has taken.

    Raises ServerUnreachable at the deadline, AccessRefused as soon as that is sure.
    """
    attempt_ms, refusals = _FIRST_ATTEMPT_MS, Refusals(endpoint, access)
    while True:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise ServerUnreachable(
                f"no server at {endpoint}; start one with `phoenix-stems serve --bind {endpoint}`, "
                "or give no endpoint: one is then started for you"
            )
        connection = Connection(endpoint, access, refusals)
        try:
            if connection.wait_until_connected(min(remaining_s, attempt_ms / 1000)):
                return connection
            connection.check_access()
        except AccessRefused:
            connection.close()
            raise
        connection.close()
        attempt_ms = min(2 * attempt_ms, 500)


def _shake_hands(connection: Connection, steps: Handshake, deadline: float) -> Accepted:
    message = next(steps)
    while True:
        connection.send(message, max(0.0, deadline - time.monotonic()))
        reply = connection.receive(max(0.0, deadline - time.monotonic()))
        if reply is None:
            raise ServerUnreachable(
                f"{connection.endpoint}: no answer to {message.kind} in time; is it a server of "
                "phoenix-stems, and is it still loading its model?"
            )
        try:
            message = steps.send(reply)
        except StopIteration as done:
            accepted: Accepted = done.value
            return accepted


def _remaining_ms(deadline: float) -> int:
    return max(0, round(1000 * (deadline - time.monotonic())))
