"""What local clients talk to: a server by its manners, whose streams run elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from plugin_bridge.relay.stream import RelayedStream
from plugin_bridge.relay.upstream import Awaited
from protocol import (
    Close,
    Error,
    Hello,
    Limits,
    Message,
    Open,
    Ping,
    Pong,
    ServerFull,
    ShuttingDown,
    StemsError,
    StreamExists,
    UnexpectedMessage,
    UnknownStream,
    Welcome,
    check_major,
    decode,
)

MAXIMUM_PEERS = 64
PEER_TIMEOUT_S = 30.0

# Of a stream's messages, how it was opened too. False when the peer is gone.
Reply = Callable[[bytes, Message, Open | None], bool]
MakeStream = Callable[[Open, Callable[[Message], None]], RelayedStream]


@dataclass(eq=False, slots=True)
class _Peer:
    last_heard: float
    streams: dict[int, RelayedStream] = field(default_factory=dict)


class Relay:
    """All clients and their streams; for one thread."""

    def __init__(
        self,
        welcome: Welcome,
        make_stream: MakeStream,
        *,
        reply: Reply,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._welcome = welcome
        self._make_stream = make_stream
        self._reply = reply
        self._limits = limits
        self._clock = clock
        self._peers: dict[bytes, _Peer] = {}

    @property
    def streams(self) -> list[RelayedStream]:
        """Every open stream."""
        return [stream for peer in self._peers.values() for stream in peer.streams.values()]

    def receive(self, identity: bytes, frames: Sequence[bytes | memoryview]) -> None:
        """Handle one message of a client; whatever is wrong is answered by its code."""
        number: int | None = None
        try:
            message = decode(frames, self._limits)
            number = getattr(message, "stream", None)
            self._handle(identity, message)
        except StemsError as error:
            self._send(identity, Error.of(error, number))

    def awaited(self) -> list[Awaited]:
        """Return the servers' sockets to wait for until the next ``tick``."""
        return [awaited for stream in self.streams for awaited in stream.awaited]

    def tick(self) -> None:
        """Take every stream's next step."""
        for peer in list(self._peers.values()):
            for number, stream in list(peer.streams.items()):
                if not stream.is_closed:
                    stream.tick()
                if stream.is_closed:
                    peer.streams.pop(number, None)

    def expire(self) -> None:
        """Forget the clients that have fallen silent."""
        since = self._clock() - PEER_TIMEOUT_S
        for identity, peer in list(self._peers.items()):
            if peer.last_heard < since:
                self.forget(identity)

    def forget(self, identity: bytes) -> None:
        """Free everything a client had."""
        peer = self._peers.pop(identity, None)
        for stream in peer.streams.values() if peer else ():
            stream.close()

    def shut_down(self) -> None:
        """Tell every client that this is the end."""
        for identity, peer in list(self._peers.items()):
            for number in peer.streams:
                self._send(identity, Error.of(ShuttingDown("the relay is shutting down"), number))
            self.forget(identity)

    def _handle(self, identity: bytes, message: Message) -> None:
        peer = self._peers.get(identity)
        if isinstance(message, Hello):
            self._hello(identity, message)
            return
        if peer is None:
            raise UnexpectedMessage(f"{message.kind} before hello; say hello first")
        peer.last_heard = self._clock()
        match message:
            case Ping():
                self._send(identity, Pong(message.token))
            case Pong():
                pass
            case Open():
                self._open(identity, peer, message)
            case Close():
                stream = _find(peer, message.stream)
                del peer.streams[message.stream]
                self._send(identity, stream.close())
            case _:
                _find(peer, getattr(message, "stream", None)).receive(message)

    def _hello(self, identity: bytes, message: Hello) -> None:
        check_major(message.major)
        if identity in self._peers:
            raise UnexpectedMessage("hello again; it comes once, the connection goes on as it was")
        if len(self._peers) >= MAXIMUM_PEERS:
            raise ServerFull(f"connection number {MAXIMUM_PEERS + 1}: {MAXIMUM_PEERS} allowed")
        self._peers[identity] = _Peer(self._clock())
        self._send(identity, self._welcome)

    def _open(self, identity: bytes, peer: _Peer, request: Open) -> None:
        self._limits.check_rate(request.rate_hz)
        if request.stream in peer.streams:
            raise StreamExists(f"stream {request.stream} is open already; use another number")
        self._limits.check_streams(len(peer.streams) + 1, len(self.streams) + 1)
        peer.streams[request.stream] = self._make_stream(
            request, lambda message: self._send(identity, message, request)
        )

    def _send(self, identity: bytes, message: Message, request: Open | None = None) -> None:
        if not self._reply(identity, message, request):
            self.forget(identity)


def _find(peer: _Peer, number: int | None) -> RelayedStream:
    stream = peer.streams.get(number) if number is not None else None
    if stream is None:
        raise UnknownStream(f"stream {number} is not open on this connection")
    return stream
