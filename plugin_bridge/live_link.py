"""The live session's connection: lost and found again, without ever waiting.

Driven from the audio callback: every method does a bounded amount of work and returns. ``advance``
moves through lost -> connecting -> opening -> open, with growing pauses between attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from plugin_bridge.errors import BridgeError
from plugin_bridge.handshake import Accepted, Handshake, Route, StreamRequest, handshake
from protocol import Message, RequestRefused, StemsError

if TYPE_CHECKING:
    import zmq

CONNECT_TIMEOUT_S: Final = 0.25  # a local server takes a connection within microseconds
OPEN_TIMEOUT_S: Final = 30.0  # opening may load a model
FIRST_BACK_OFF_S: Final = 0.1
MAXIMUM_BACK_OFF_S: Final = 2.0
# Bounds the work of one callback. Largest block, smallest hop in use, and as much again to catch
# up.
MAXIMUM_MESSAGES_PER_CALL: Final = 64


class Wire(Protocol):
    """What the link needs of a connection; ``Connection`` is one."""

    def try_send(self, message: Message) -> bool:
        """Send without blocking; False when that is not possible."""
        ...

    def try_receive(self) -> Message | None:
        """Return a message that has arrived, if there is one."""
        ...

    def close(self) -> None:
        """Drop the connection."""
        ...

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """What to poll."""
        ...


Dial = Callable[[str], Wire]
Steps = Callable[[StreamRequest], Handshake]


class LinkState(StrEnum):
    """Where the link stands."""

    LIVE = "live"
    LOST = "lost"  # waiting before the next attempt
    CONNECTING = "connecting"
    OPENING = "opening"


class LiveLink:
    """One stream on one server, found again whenever it is lost."""

    def __init__(
        self,
        endpoint: str,
        request: StreamRequest,
        wire: Wire | None,
        *,
        dial: Dial,
        clock: Callable[[], float],
        steps: Steps = handshake,
    ) -> None:
        """Take over ``wire``, on which the stream has been opened; None: still to be found."""
        self.state = LinkState.LIVE if wire is not None else LinkState.LOST
        self.losses = 0
        self.reconnects = 0
        self.last_error = ""
        self.refusal: RequestRefused | None = None  # of the last attempt to open the stream
        self._endpoint = endpoint
        self.request = request
        self._wire = wire
        self._dial = dial
        self._clock = clock
        self._make_steps = steps
        self._back_off_s = FIRST_BACK_OFF_S
        self._deadline = 0.0  # of the state we are in
        self._steps: Handshake | None = None
        self._unsent: Message | None = None
        self._route = Route(endpoint)

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        """What to poll; None while there is no connection."""
        return None if self._wire is None else self._wire.socket

    @property
    def has_unsent(self) -> bool:
        """Whether the next step waits until the socket takes a message."""
        return self._wire is not None and self._unsent is not None

    def close(self) -> None:
        """Drop the connection for good."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def lose(self, why: str) -> None:
        """Give the connection up, and try again after a pause."""
        self.losses += self.state is LinkState.LIVE
        self.last_error = why
        self.close()
        self._enter(LinkState.LOST, self._back_off_s)
        self._back_off_s = min(2 * self._back_off_s, MAXIMUM_BACK_OFF_S)

    def proved_good(self) -> None:
        """Stems came: the next loss starts with a short pause again."""
        self._back_off_s = FIRST_BACK_OFF_S

    def try_send(self, message: Message) -> bool:
        """Send on an open stream; False when the socket does not take it."""
        return self._wire is not None and self._wire.try_send(message)

    def receive(self) -> Iterator[Message]:
        """Yield what has arrived, up to the bound for one callback; gives up on a broken wire."""
        for _ in range(MAXIMUM_MESSAGES_PER_CALL):
            message = self._next_message()
            if message is None:
                return
            yield message

    def advance(self, position_samples: int) -> Accepted | None:
        """Take the next step towards an open stream; returns what was granted when it is."""
        if self.state is LinkState.LIVE:
            return None
        try:
            if self.state is LinkState.LOST:
                self._start_attempt(position_samples)
            return self._shake_hands(position_samples)
        except (StemsError, BridgeError) as error:
            self.refusal = error if isinstance(error, RequestRefused) else None
            self.lose(str(error))
            return None

    def _start_attempt(self, position_samples: int) -> None:
        if self._clock() >= self._deadline:
            self._route = Route(self._endpoint)
            self._connect(position_samples)

    def _connect(self, position_samples: int) -> None:
        self.close()
        self._wire = self._dial(self._route.endpoint)
        self._steps = self._make_steps(replace(self.request, position_samples=position_samples))
        self._unsent = next(self._steps)
        self._enter(LinkState.CONNECTING, CONNECT_TIMEOUT_S)

    def _shake_hands(self, position_samples: int) -> Accepted | None:
        """Send what is due, hand a reply to the handshake, notice when it takes too long."""
        if self.state is LinkState.LOST or self._steps is None:
            return None
        if self._unsent is not None and self.try_send(self._unsent):
            self._unsent = None
            self._enter(LinkState.OPENING, OPEN_TIMEOUT_S)
        reply = self._next_message() if self._unsent is None else None
        if reply is None:
            if self._clock() >= self._deadline:
                self.lose(f"{self._route.endpoint}: no server answers")
            return None
        try:
            self._unsent = self._steps.send(reply)
            # A server that has just answered takes the next message at once, or is gone.
            self._enter(LinkState.OPENING, CONNECT_TIMEOUT_S)
        except StopIteration as done:
            return self._settle(done.value, position_samples)
        return None

    def _settle(self, accepted: Accepted, position_samples: int) -> Accepted | None:
        if self._route.follow(accepted.opened):
            self._connect(position_samples)
            return None
        self._steps = None
        self.state = LinkState.LIVE
        self.reconnects += 1
        return accepted

    def _next_message(self) -> Message | None:
        try:
            return None if self._wire is None else self._wire.try_receive()
        except StemsError as error:
            self.lose(str(error))
            return None

    def _enter(self, state: LinkState, timeout_s: float) -> None:
        self.state = state
        self._deadline = self._clock() + timeout_s
