"""One stream on one server, as the relay sees it: found, fed, lost and found again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import zmq

from plugin_bridge.handshake import STREAM
from plugin_bridge.live import BLOCKED_SEND_S, LOSS_MARGIN_S, preroll
from plugin_bridge.live_link import Dial, LinkState, LiveLink
from plugin_bridge.relay.link_time import measured_handshake
from plugin_bridge.sockets import KEEP_ALIVE_S, SEND_TIMEOUT_S
from protocol import Audio, Close, Flush, Flushed, Message, Ping, Seek, Set, Stems

if TYPE_CHECKING:
    from plugin_bridge.handshake import Accepted, StreamRequest
    from plugin_bridge.history import DryHistory
    from plugin_bridge.relay.punctuality import Punctuality

Awaited = tuple[zmq.Socket[bytes], int]  # a socket and the events to wait for
_HELD_BLOCKS: Final = 1024  # seconds of stems; older ones have been played long ago


@dataclass(frozen=True, slots=True)
class SentSet:
    """A ``set`` that awaits its answer; the client's own have a number from 1 on."""

    change: Set
    number: int = 0
    is_barrier: bool = False  # its answer separates stems before a seek from those behind it


class Upstream:
    """A server, and what of the stream it has been given."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        request: StreamRequest,
        *,
        dial: Dial,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.link_s = 0.0  # what the way there and back takes; 0 until a server has been reached
        steps = partial(measured_handshake, clock=clock, report=self._measured)
        self.link = LiveLink(endpoint, request, None, dial=dial, clock=clock, steps=steps)
        self._clock = clock
        self._lossless = request.freewheel
        self._max_block_frames = request.max_block_frames
        self._unsent: deque[Message] = deque()  # of a lossless stream
        self._spoke_at = 0.0
        self._blocked_since: float | None = None  # when the socket began to take nothing
        self.punctuality: Punctuality | None = None  # known once the stream's budget is
        self.flushed: Flushed | None = None  # the answer to the last flush
        self._forget()

    @property
    def awaited(self) -> Awaited | None:
        """What to wait for until the next step; None while only time brings it."""
        socket = self.link.socket
        if socket is None:
            return None
        has_unsent = self.link.has_unsent or bool(self._unsent)
        return socket, zmq.POLLIN | (zmq.POLLOUT if has_unsent else 0)

    @property
    def is_live(self) -> bool:
        """Whether the server has the stream, and everything that belongs to it."""
        return self.is_fed and self.link.state is LinkState.LIVE

    def is_failing(self, now: float) -> bool:
        """Whether this server is gone, or its stems come too late."""
        return not self.is_live or (
            self.punctuality is not None and self.punctuality.is_failing(now)
        )

    def good_for_s(self, now: float) -> float:
        """Return for how long its stems have come in time."""
        if not self.is_live or self.punctuality is None:
            return 0.0
        return self.punctuality.good_for_s(now)

    @property
    def is_stale(self) -> bool:
        """Whether stems that come now may be from before a seek."""
        return any(sent.is_barrier for sent in self.sets)

    def advance(self, position_samples: int) -> Accepted | None:
        """Take the next step towards an open stream; what was granted, once it is."""
        if self.is_fed and self.link.state is not LinkState.LIVE:
            self._forget()
        return self.link.advance(position_samples)

    def feed(self, history: DryHistory, resume_samples: int, preroll_frames: int) -> None:
        """Give the server the past up to ``resume_samples``, and what came since."""
        self._forget()
        self.is_fed = True
        first = max(history.start_samples, resume_samples - preroll_frames)
        past = history.read(first, resume_samples - first)
        for message in preroll(first, past):
            self.send(message)
        self._start(resume_samples)
        for position in range(resume_samples, history.end_samples, self._max_block_frames):
            frames = min(self._max_block_frames, history.end_samples - position)
            self.audio(Audio(STREAM, 0, position, history.read(position, frames)))

    def audio(self, block: Audio) -> None:
        """Send a block; stems are due from now on."""
        end_samples = block.position_samples + block.samples.shape[1]
        self.send(replace(block, stream=STREAM, sequence=self._sequence))
        self._sequence += 1
        if self.punctuality is not None:
            self.punctuality.sent(end_samples, self._clock())

    def seek(self, position_samples: int) -> None:
        """Go on elsewhere; stems from before are to be ignored."""
        self.send(Seek(STREAM, position_samples))
        self.set(SentSet(Set(STREAM), is_barrier=True))
        self.held.clear()
        self.is_flowing = False
        self._start(position_samples)

    def set(self, sent: SentSet) -> None:
        """Send a change."""
        self.sets.append(sent)
        self.send(replace(sent.change, stream=STREAM))

    def flush(self) -> None:
        """Ask for the rest."""
        self.flushed = None
        self.send(Flush(STREAM))

    def received(self, stems: Stems) -> None:
        """Take note of stems."""
        self.is_flowing = True
        self.link.proved_good()
        self.dropped_frames = stems.dropped_frames
        if self.punctuality is not None:
            end_samples = stems.position_samples + stems.samples.shape[2]
            self.punctuality.received(end_samples, self._clock())

    def messages(self) -> Iterator[Message]:
        """Send what waits, then yield what has arrived."""
        while self._unsent and self._try(self._unsent[0]):
            self._unsent.popleft()
        if self.is_live:
            self._notice_loss()
        if self.is_live and self._clock() - self._spoke_at > KEEP_ALIVE_S:
            self.send(Ping(0))
        if self.is_live:  # before that, what arrives is for the handshake
            yield from self.link.receive()

    def send(self, message: Message) -> None:
        """Send now; of a lossless stream what cannot go waits, of a live one it is lost."""
        self._spoke_at = self._clock()
        is_sent = not self._unsent and self._try(message)
        if not is_sent and self._lossless:
            self._unsent.append(message)

    def _measured(self, link_s: float) -> None:
        self.link_s = link_s

    def _try(self, message: Message) -> bool:
        if self.link.try_send(message):
            self._blocked_since = None
            return True
        self._blocked_since = self._blocked_since or self._clock()
        return False

    def _notice_loss(self) -> None:
        """Give a server up that takes nothing more, or has been silent for too long."""
        now = self._clock()
        patience_s = SEND_TIMEOUT_S if self._lossless else BLOCKED_SEND_S
        if self._blocked_since is not None and now - self._blocked_since > patience_s:
            self.link.lose("the server takes no more audio")
        elif self.punctuality is not None and self.punctuality.overdue_s(now) > LOSS_MARGIN_S:
            self.link.lose("the server sends no more stems")

    def stop(self) -> None:
        """End the stream here; ``advance`` would open it again."""
        self.link.try_send(Close(STREAM))
        self.link.lose("not needed")
        self.link.proved_good()
        self._forget()

    def _start(self, position_samples: int) -> None:
        if self.punctuality is not None:
            self.punctuality.start(position_samples, self._clock())

    def _forget(self) -> None:
        self.is_fed = self.is_flowing = False
        self.held: deque[Stems] = deque(maxlen=_HELD_BLOCKS)  # stems that nobody was given yet
        self.sets: deque[SentSet] = deque()
        self.flushed = None
        self.dropped_frames = 0
        self._sequence = 0
        self._blocked_since = None
        self._unsent.clear()
