"""One lossless stream's conversation, without any I/O (PROTOCOL.md sections 6.3 to 6.8).

Sessions feed audio in, send what ``next_message`` gives them, hand what they receive to
``receive``, and take finished stems out. Credit, positions, sequence numbers and completeness are
looked after here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from plugin_bridge.errors import ServerLost
from plugin_bridge.handshake import STREAM
from plugin_bridge.stem_block import StemBlock
from protocol import (
    Applied,
    Audio,
    Closed,
    Error,
    FloatArray,
    Flush,
    Flushed,
    Message,
    Opened,
    Seek,
    Set,
    Stems,
)


class Exchange:
    """What has been sent, what has come back, and what may be sent next."""

    def __init__(self, opened: Opened, max_block_frames: int, position_samples: int = 0) -> None:
        self.opened = opened
        self.stems = opened.stems
        self.model = opened.model
        self.sent_samples = position_samples  # position behind the last audio sent
        self.received_samples = position_samples  # position behind the last stems received
        self.changed_at_samples = position_samples  # where the last change took hold
        self.blocks = 0
        self.dropped_frames = 0
        # What the server holds back takes up credit; a larger piece might never be let through.
        spare = opened.credit_frames - opened.latency.total
        self._piece_frames = max(1, min(max_block_frames, spare))
        self._outgoing: deque[Message | FloatArray] = deque()
        self._ready: deque[StemBlock] = deque()
        self._is_fresh = True  # nothing sent since opening or the last seek
        self._is_flushed = True
        self._changes_sent = 0
        self._changes_answered = 0
        self._stale_until_change = 0

    @property
    def has_outgoing(self) -> bool:
        """Whether something waits to be sent, or for credit."""
        return bool(self._outgoing)

    @property
    def has_ready(self) -> bool:
        """Whether stems wait to be taken."""
        return bool(self._ready)

    @property
    def is_flushed(self) -> bool:
        """Whether every stem of what was sent has come."""
        return self._is_flushed

    @property
    def awaits_change(self) -> bool:
        """Whether a ``set`` has not been answered yet."""
        return self._changes_answered < self._changes_sent

    @property
    def next_position_samples(self) -> int:
        """Position of the next audio fed in."""
        waiting = (item for item in self._outgoing if isinstance(item, np.ndarray))
        return self.sent_samples + sum(int(item.shape[1]) for item in waiting)

    def feed(self, block: FloatArray) -> None:
        """Queue ``block`` [channel, frame], cut to what the server takes at once."""
        for first in range(0, block.shape[1], self._piece_frames):
            self._outgoing.append(block[:, first : first + self._piece_frames])

    def flush(self) -> None:
        """Ask for every stem of what was fed."""
        self._is_flushed = False
        self._outgoing.append(Flush(STREAM))

    def seek(self, position_samples: int) -> None:
        """Forget audio on its way in either direction; the next audio has this position."""
        # Changes stay: each counts as sent, and its answer is waited for.
        self._outgoing = deque(item for item in self._outgoing if isinstance(item, Set))
        self._ready.clear()
        self._outgoing.append(Seek(STREAM, position_samples))
        # Stems from before the seek may still arrive. The answer to a change that asks for nothing
        # comes behind them, so everything until then is stale.
        self.change(Set(STREAM))
        self._stale_until_change = self._changes_sent
        self.sent_samples = self.received_samples = position_samples
        self._is_fresh = self._is_flushed = True

    def rewind_if_used(self) -> None:
        """Get ready for another piece of audio: a stream that was flushed needs a seek."""
        if not self._is_fresh:
            self.seek(self.next_position_samples)

    def change(self, change: Set) -> None:
        """Queue a change, ahead of audio that has not been sent."""
        self._changes_sent += 1
        where = 1 + max(
            (i for i, m in enumerate(self._outgoing) if isinstance(m, Seek)), default=-1
        )
        self._outgoing.insert(where, change)

    def next_message(self) -> Message | None:
        """Return what may be sent now, and count it as sent; None: wait for stems, or done."""
        if not self._outgoing:
            return None
        item = self._outgoing[0]
        if not isinstance(item, np.ndarray):
            self._outgoing.popleft()
            return item
        frames = item.shape[1]
        if self.sent_samples + frames - self.received_samples > self.opened.credit_frames:
            return None
        self._outgoing.popleft()
        audio = Audio(STREAM, self.blocks, self.sent_samples, item)
        self.sent_samples += frames
        self.blocks += 1
        self._is_fresh = self._is_flushed = False
        return audio

    def receive(self, message: Message) -> None:
        """Take in what the server sent.

        Raises the server's error, or ServerLost when it breaks the promises of a lossless stream.
        """
        match message:
            case Stems():
                self._receive_stems(message)
            case Flushed():
                self._receive_flushed()
            case Applied():
                self._changes_answered += 1
                self.model, self.stems = message.model, message.stems
                self.changed_at_samples = message.position_samples
            case Closed():
                raise ServerLost("the server closed the stream: nothing was heard for too long")
            case Error():
                self._changes_answered = min(self._changes_answered + 1, self._changes_sent)
                raise message.exception()
            case _:
                pass  # an answer to a ping, or a kind that a newer server may send

    def take_ready(self) -> Iterator[StemBlock]:
        """Yield the stems that have come, in order."""
        while self._ready:
            yield self._ready.popleft()

    def _receive_stems(self, message: Stems) -> None:
        if self._changes_answered < self._stale_until_change:
            return
        if message.position_samples != self.received_samples:
            raise ServerLost(
                f"stems at {message.position_samples} where {self.received_samples} was due: a "
                "lossless stream has no gaps; the server is at fault"
            )
        self.received_samples += message.samples.shape[2]
        self.dropped_frames = message.dropped_frames
        self._ready.append(StemBlock(message.position_samples, message.stems, message.samples))

    def _receive_flushed(self) -> None:
        if self._changes_answered < self._stale_until_change:
            return
        if self.received_samples != self.sent_samples:
            raise ServerLost(
                f"flushed with stems up to {self.received_samples}, but audio up to "
                f"{self.sent_samples} was sent; the server is at fault"
            )
        self._is_flushed = True
