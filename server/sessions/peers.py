"""Who is connected and what they have open; owned by the I/O thread alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol import Limits, Open, ServerFull, StreamExists, UnexpectedMessage, UnknownStream
from server.lanes.lateness import Lateness
from server.sessions.traffic import Meter
from server.streams.counters import Counters

if TYPE_CHECKING:
    from server.lanes.scheduler import Pace
    from server.streams.task import StreamTask


@dataclass(eq=False, slots=True)
class Stream:
    """One stream of a peer; what follows ``counters`` is known once it is opened."""

    peer: Peer
    request: Open
    counters: Counters = field(default_factory=Counters)
    task: StreamTask | None = None
    model: str = ""
    answer_within_s: float = 0.0  # how long after a block its stems are wanted
    live_frames: int = 0  # audio that may wait before it is too old
    credit_frames: int = 0
    preroll_frames: int = 0  # received since the last part that was marked as last
    answered_samples: int = 0  # position up to which stems have been handed to the socket
    pace: Pace | None = None  # of a live stream
    lateness: Lateness = field(default_factory=Lateness)

    @property
    def number(self) -> int:
        """The client's number of the stream, unique within its connection."""
        return self.request.stream

    @property
    def opened_task(self) -> StreamTask:
        """The running task; raises UnexpectedMessage while the model is being loaded."""
        if self.task is None:
            raise UnexpectedMessage(f"stream {self.number} is still being opened; wait for opened")
        return self.task


@dataclass(eq=False, slots=True)
class Peer:
    """One connection, known since its hello."""

    identity: bytes
    last_heard: float
    traffic: Meter = field(default_factory=Meter)
    streams: dict[int, Stream] = field(default_factory=dict)
    loads: int = 0  # openings and switches of models under way
    has_ended_streams: bool = False  # one without streams that had some has probably gone

    def stream(self, number: int) -> Stream:
        """Return the open stream of that number, or raise UnknownStream."""
        try:
            return self.streams[number]
        except KeyError:
            raise UnknownStream(f"stream {number} is not open on this connection") from None


class PeerTable:
    """All peers and streams, within the limits."""

    def __init__(self, limits: Limits, maximum_peers: int) -> None:
        self._limits = limits
        self._maximum_peers = maximum_peers
        self._peers: dict[bytes, Peer] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._peers.values()))

    @property
    def streams(self) -> list[Stream]:
        """Every open stream."""
        return [stream for peer in self._peers.values() for stream in peer.streams.values()]

    def find(self, identity: bytes) -> Peer | None:
        """Return the peer of that identity, if it has said hello."""
        return self._peers.get(identity)

    def add(self, identity: bytes, now: float) -> Peer:
        """Add a peer; raises ServerFull when there are too many."""
        if len(self._peers) >= self._maximum_peers:
            raise ServerFull(
                f"connection number {len(self._peers) + 1} of this server: "
                f"{self._maximum_peers} allowed; try again when others have gone"
            )
        peer = self._peers[identity] = Peer(identity, now)
        return peer

    def dispensable(self) -> Peer | None:
        """Return who makes room in a full table: of those whose streams ended, the most silent.

        ZeroMQ does not tell when a connection ends, and plugins connect at each activation.
        """
        if len(self._peers) < self._maximum_peers:
            return None
        done = (peer for peer in self if peer.has_ended_streams and not peer.streams)
        return min(done, key=lambda peer: peer.last_heard, default=None)

    def remove(self, peer: Peer) -> None:
        """Forget a peer; its streams are the caller's to close."""
        self._peers.pop(peer.identity, None)

    def check_room(self, peer: Peer, number: int) -> None:
        """Raise StreamExists or ServerFull unless the peer may open a stream of that number."""
        if number in peer.streams:
            raise StreamExists(f"stream {number} is open already; close it or use another number")
        self._limits.check_streams(len(peer.streams) + 1, len(self.streams) + 1)

    def silent(self, since: float) -> list[Peer]:
        """Return the peers not heard since then."""
        return [peer for peer in self._peers.values() if peer.last_heard < since]
