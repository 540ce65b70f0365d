"""Messages on their way out, and what happens when a peer does not take them.

Sending never blocks. What a slow peer does not take waits here: of a live stream only the newest
stems, the oldest being dropped and counted; of a lossless stream everything, which its credit
bounds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

Frames = Sequence[bytes | memoryview]

MAXIMUM_WAITING_ANSWERS = 1024  # of one peer; more, and it does not read its answers at all


class SendResult(Enum):
    """What became of a message that was offered to the socket."""

    SENT = auto()
    FULL = auto()  # the peer's high-water mark is reached
    GONE = auto()  # no such peer is connected any more


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One encoded message; ``droppable_frames`` of stems when it may be dropped, else 0."""

    frames: Frames
    stream: int | None = None
    droppable_frames: int = 0
    capacity_frames: int = 0  # how many droppable frames of its stream may wait
    on_sent: Callable[[], None] | None = None
    on_dropped: Callable[[int], None] | None = None


class Outbound:
    """Sends to many peers through one function that never blocks."""

    def __init__(self, offer: Callable[[bytes, Frames], SendResult]) -> None:
        self._offer = offer
        self._waiting: dict[bytes, deque[Outgoing]] = {}

    @property
    def has_waiting(self) -> bool:
        """Whether ``retry`` has something to do."""
        return bool(self._waiting)

    def send(self, peer: bytes, message: Outgoing) -> bool:
        """Send after what waits already; False when the peer is gone or never reads."""
        queue = self._waiting.get(peer)
        if queue is None:
            result = self._try(peer, message)
            if result is not SendResult.FULL:
                return result is SendResult.SENT
            queue = self._waiting.setdefault(peer, deque())
        queue.append(message)
        _drop_oldest(queue, message)
        return len(queue) <= MAXIMUM_WAITING_ANSWERS

    def retry(self) -> list[bytes]:
        """Offer again what waits; returns the peers that turned out to be gone."""
        gone = []
        for peer, queue in list(self._waiting.items()):
            result = SendResult.SENT
            while queue and result is SendResult.SENT:
                result = self._try(peer, queue[0])
                if result is SendResult.SENT:
                    queue.popleft()
            if result is SendResult.GONE:
                gone.append(peer)
            if not queue or result is SendResult.GONE:
                del self._waiting[peer]
        return gone

    def forget(self, peer: bytes) -> None:
        """Drop everything that waits for a peer."""
        self._waiting.pop(peer, None)

    def _try(self, peer: bytes, message: Outgoing) -> SendResult:
        result = self._offer(peer, message.frames)
        if result is SendResult.SENT and message.on_sent is not None:
            message.on_sent()
        return result


def _drop_oldest(queue: deque[Outgoing], newest: Outgoing) -> None:
    """Drop stems of the newest message's stream until the rest fits its capacity."""
    if not newest.droppable_frames:
        return
    own = [item for item in queue if item.stream == newest.stream and item.droppable_frames]
    waiting_frames = sum(item.droppable_frames for item in own)
    for item in own[:-1]:
        if waiting_frames <= newest.capacity_frames:
            return
        queue.remove(item)
        waiting_frames -= item.droppable_frames
        if item.on_dropped is not None:
            item.on_dropped(item.droppable_frames)
