"""Changes to a live stream: asked for at any time, sent by the next callback, kept for later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from plugin_bridge.handshake import STREAM
from protocol import Set


@dataclass(frozen=True, slots=True)
class _Asked:
    change: Set
    is_barrier: bool = False  # its answer separates stems before a seek from those behind it


class LiveChanges:
    """What has been asked for, what was sent, and what the server holds.

    ``ask`` may be called from any thread; everything else belongs to the audio callback.
    """

    def __init__(self) -> None:
        self._waiting: deque[Set] = deque()
        self._sent: deque[_Asked] = deque()
        self._held = Set(STREAM)

    def ask(self, change: Set) -> None:
        """Have a change sent by the next callback."""
        self._waiting.append(change)

    def outgoing(self) -> Iterator[Set]:
        """Yield what is to be sent now; it counts as sent."""
        while self._waiting:
            change = self._waiting.popleft()
            self._sent.append(_Asked(change))
            yield change

    def barrier(self) -> Set:
        """Return a change of nothing, to send behind a seek: stems before its answer are stale."""
        change = Set(STREAM)
        self._sent.append(_Asked(change, is_barrier=True))
        return change

    @property
    def is_stale(self) -> bool:
        """Whether stems that arrive now may be from before a seek."""
        return any(asked.is_barrier for asked in self._sent)

    def applied(self) -> None:
        """Take note that the server did the oldest change."""
        if self._sent:
            self._held = _merged(self._held, self._sent.popleft().change)

    def refused(self) -> None:
        """Take note that the server refused the oldest change."""
        if self._sent:
            self._sent.popleft()

    def start_over(self) -> None:
        """Ask a new server for what the old one held, and for what it had not answered."""
        unanswered = [asked.change for asked in self._sent if not asked.is_barrier]
        self._sent.clear()
        self._waiting.extendleft(reversed(unanswered))
        # Stems and model are part of opening a stream.
        held = Set(STREAM, self._held.gains_db, self._held.mute, self._held.solo)
        if held != Set(STREAM):
            self._waiting.appendleft(held)


def _merged(held: Set, change: Set) -> Set:
    """Return both as one change; the later one wins."""
    return Set(
        STREAM,
        gains_db=held.gains_db | change.gains_db,
        mute=held.mute if change.mute is None else change.mute,
        solo=held.solo if change.solo is None else change.solo,
    )
