"""Who may speak and when: hello first, then streams; runs on the I/O thread alone.

Whatever a peer does wrong is answered by an error code and hurts nobody else. A peer that falls
silent is forgotten with everything it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from protocol import (
    MAJOR,
    MINOR,
    AccessRevoked,
    Audio,
    Close,
    Flush,
    Hello,
    Limits,
    Message,
    Open,
    Ping,
    Pong,
    Preroll,
    Seek,
    Set,
    StemsError,
    UnexpectedMessage,
    Welcome,
    check_major,
    decode,
)
from server.sessions.stream_requests import shutting_down

if TYPE_CHECKING:
    from protocol import ModelInfo
    from server.config import ServerConfig
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics
    from server.sessions.peers import Peer, PeerTable
    from server.sessions.replies import Replies
    from server.sessions.stream_requests import StreamRequests
    from server.sessions.traffic import Traffic
    from server.transport.outbound import Outbound

_REFUSED_WHILE_DRAINING = (Hello, Open, Audio, Preroll, Set, Seek)


class Sessions:
    """The conversation with every peer."""

    def __init__(
        self,
        *,
        config: ServerConfig,
        limits: Limits,
        models: Callable[[], tuple[ModelInfo, ...]],
        table: PeerTable,
        streams: StreamRequests,
        replies: Replies,
        outbound: Outbound,
        metrics: Metrics,
        log: Logger,
        clock: Callable[[], float],
        traffic: Traffic,
        server_name: str,
    ) -> None:
        self._config = config
        self._limits = limits
        self._models = models
        self._table = table
        self._streams = streams
        self._replies = replies
        self._outbound = outbound
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._traffic = traffic
        self._server_name = server_name
        self.is_draining = False
        self._used_at = clock()
        replies.on_gone = self._gone
        self._handlers: dict[type, Callable[[Peer, Any], None]] = {
            Ping: self._ping,
            Pong: _ignore,
            Open: streams.open,
            Audio: streams.audio,
            Preroll: streams.preroll,
            Seek: streams.seek,
            Flush: streams.flush,
            Set: streams.set,
            Close: streams.close,
        }

    def receive(self, identity: bytes, frames: Sequence[bytes | memoryview]) -> None:
        """Handle one message from the socket."""
        stream: int | None = None
        try:
            peer = self._table.find(identity)
            meter = None if peer is None else peer.traffic
            if not self._traffic.admit(meter, sum(map(len, frames))):
                self._metrics.throttled_messages.inc()
                return
            message = decode(frames, self._limits)
            stream = getattr(message, "stream", None)
            self._handle(identity, message)
        except StemsError as error:
            self._replies.send_error(identity, error, stream)

    def revoke(self, identity: bytes) -> None:
        """End what a peer has whose key is no longer allowed, and tell it."""
        peer = self._table.find(identity)
        if peer is not None:
            self._log.info("key revoked", streams=len(peer.streams))
            self._forget(peer)
        self._replies.send_error(
            identity, AccessRevoked("this key is no longer allowed here; ask who runs the server")
        )

    def retry(self) -> bool:
        """Offer again what some peer did not take; tell whether something still waits."""
        if not self._outbound.has_waiting:
            return False
        for identity in self._outbound.retry():
            self._gone(identity)
        return self._outbound.has_waiting

    def expire(self) -> None:
        """Forget the peers that have fallen silent."""
        for peer in self._table.silent(self._clock() - self._config.peer_timeout_s):
            self._log.info("peer silent", streams=len(peer.streams))
            for stream in list(peer.streams.values()):
                self._streams.expire(stream)
            self._forget(peer)
        if len(self._table):
            self._used_at = self._clock()

    @property
    def idle_s(self) -> float:
        """For how long no peer has been known, as of the last ``expire``."""
        return 0.0 if len(self._table) else self._clock() - self._used_at

    def drain(self) -> None:
        """Take nothing new from now on."""
        self.is_draining = True

    def say_goodbye(self) -> None:
        """End every stream and say why."""
        for stream in self._table.streams:
            self._streams.shut_down(stream)

    @property
    def has_work(self) -> bool:
        """Whether something is queued in or out."""
        tasks = [stream.task for stream in self._table.streams if stream.task is not None]
        return self._outbound.has_waiting or any(task.next_deadline() is not None for task in tasks)

    def _handle(self, identity: bytes, message: Message) -> None:
        if self.is_draining and isinstance(message, _REFUSED_WHILE_DRAINING):
            raise shutting_down()
        if isinstance(message, Hello):
            self._hello(identity, message)
            return
        peer = self._table.find(identity)
        if peer is None:
            raise UnexpectedMessage(f"{message.kind} before hello; say hello first")
        peer.last_heard = self._clock()
        handler = self._handlers.get(type(message))
        if handler is None:
            raise UnexpectedMessage(f"{message.kind} is for servers to send, not for clients")
        handler(peer, message)

    def _hello(self, identity: bytes, message: Hello) -> None:
        check_major(message.major)
        if self._table.find(identity) is not None:
            raise UnexpectedMessage("hello again; it comes once, the connection goes on as it was")
        if (dispensable := self._table.dispensable()) is not None:
            self._forget(dispensable)
        self._table.add(identity, self._clock())
        self._used_at = self._clock()
        self._metrics.peers.set(len(self._table))
        self._log.info("hello", client=message.client, minor=message.minor)
        self._replies.send(identity, self._welcome())

    def _welcome(self) -> Welcome:
        limits = self._limits
        return Welcome(
            major=MAJOR,
            minor=MINOR,
            server=self._server_name,
            models=self._models(),
            default_model=self._config.model,
            minimum_rate_hz=limits.minimum_rate_hz,
            maximum_rate_hz=limits.maximum_rate_hz,
            maximum_block_frames=limits.maximum_block_frames,
            maximum_payload_bytes=limits.maximum_payload_bytes,
            maximum_streams_per_peer=limits.maximum_streams_per_peer,
        )

    def _ping(self, peer: Peer, message: Ping) -> None:
        self._replies.send(peer.identity, Pong(message.token))

    def _gone(self, identity: bytes) -> None:
        self._outbound.forget(identity)  # also of one that never said hello
        peer = self._table.find(identity)
        if peer is not None:
            self._forget(peer)

    def _forget(self, peer: Peer) -> None:
        """Free everything a peer had."""
        for stream in list(peer.streams.values()):
            self._streams.end(stream)
        self._table.remove(peer)
        self._outbound.forget(peer.identity)
        self._metrics.peers.set(len(self._table))


def _ignore(_peer: Peer, _message: Pong) -> None:
    """Take note that the peer is alive, which any message shows."""
