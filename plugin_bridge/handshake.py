"""From hello to an open stream, without any I/O (PROTOCOL.md sections 3 and 6.2).

``handshake`` is a generator: it yields the message to send and is sent the reply. Blocking, asyncio
and real-time sessions drive the same one, each in its own manner.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from plugin_bridge.errors import RedirectLoop
from protocol import (
    MAJOR,
    MINOR,
    Error,
    Hello,
    Message,
    Open,
    Opened,
    UnexpectedMessage,
    Welcome,
    check_major,
)

CLIENT: Final = "phoenix-stems bridge"
MAXIMUM_REDIRECTS: Final = 3
STREAM: Final = 1  # a session is one stream on a connection of its own

Expected = TypeVar("Expected", Welcome, Opened)
Handshake = Generator[Message, Message, "Accepted"]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a session asks for; empty model and stems mean the server's default and all."""

    rate_hz: int
    channels: int
    max_block_frames: int
    model: str = ""
    profile: str = "offline"
    stems: tuple[str, ...] = ()
    freewheel: bool = True
    round_trip_samples: int = 0
    position_samples: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the server can do, and the stream it opened."""

    welcome: Welcome
    opened: Opened


def handshake(request: StreamRequest) -> Handshake:
    """Say hello and open the stream; returns what the server granted.

    Raises the server's refusal (``protocol.StemsError``), or UnexpectedMessage for any other reply.
    """
    reply = yield Hello(MAJOR, MINOR, CLIENT)
    welcome = _expect(Welcome, reply)
    check_major(welcome.major)
    reply = yield Open(
        STREAM,
        request.rate_hz,
        request.channels,
        request.max_block_frames,
        request.model,
        request.profile,
        request.stems,
        request.freewheel,
        request.position_samples,
        request.round_trip_samples,
    )
    return Accepted(welcome, _expect(Opened, reply))


class Route:
    """The endpoint to use now; follows the redirects of one opening, but not in circles."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._visited = [endpoint]

    def follow(self, opened: Opened) -> bool:
        """Whether the server sent us elsewhere; ``endpoint`` is then the new one.

        Raises RedirectLoop after too many redirects, or one to where we have been.
        """
        if not opened.redirect:
            return False
        self._visited.append(opened.redirect)
        if len(self._visited) - 1 > MAXIMUM_REDIRECTS or opened.redirect in self._visited[:-1]:
            raise RedirectLoop(
                f"redirected {' -> '.join(self._visited)}: at most {MAXIMUM_REDIRECTS} redirects "
                "are followed, and none back; ask whoever runs these servers"
            )
        self.endpoint = opened.redirect
        return True


def _expect(kind: type[Expected], reply: Message) -> Expected:
    if isinstance(reply, Error):
        raise reply.exception()
    if not isinstance(reply, kind):
        raise UnexpectedMessage(f"the server answered {reply.kind}: {kind.kind} expected")
    return reply
