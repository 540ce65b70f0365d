"""How long the way to a server and back takes, measured each time a stream is opened there."""

from __future__ import annotations

from collections.abc import Callable, Generator
from statistics import median
from typing import TYPE_CHECKING, Final

from plugin_bridge.handshake import Handshake, handshake
from protocol import Error, Message, Ping, Pong, UnexpectedMessage

if TYPE_CHECKING:
    from plugin_bridge.handshake import StreamRequest

PINGS: Final = 9
MARGIN: Final = 1.5  # on the median: the way is not always as short as it mostly is


def measured_handshake(
    request: StreamRequest, clock: Callable[[], float], report: Callable[[float], None]
) -> Handshake:
    """Open a stream as ``handshake`` does, and report the link's seconds between hello and open.

    Raises the server's refusal, or UnexpectedMessage for any reply that does not belong there.
    """
    steps = handshake(request)
    reply = yield next(steps)
    opening = steps.send(reply)
    report((yield from _link_s(clock)))
    reply = yield opening
    try:
        steps.send(reply)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # StopIteration.value has no type
    raise AssertionError("a handshake ends with the answer to open")


def _link_s(clock: Callable[[], float]) -> Generator[Message, Message, float]:
    seconds = []
    for token in range(PINGS):
        asked = clock()
        reply = yield Ping(token)
        if isinstance(reply, Error):
            raise reply.exception()
        if not isinstance(reply, Pong):
            raise UnexpectedMessage(f"the server answered {reply.kind} to a ping")
        seconds.append(clock() - asked)
    return MARGIN * median(seconds)
