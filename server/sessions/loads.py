"""How many openings and switches of models are under way; runs on the I/O thread alone.

They run one after the other and take milliseconds to seconds, while asking for one takes none: a
client that opens and closes in turns would queue work without end. It may have as many under way as
it may have streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import LimitExceeded, Limits

if TYPE_CHECKING:
    from server.sessions.peers import Peer


class Loads:
    """Counts them by peer, and in all: who asked may be gone before its turn comes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._in_all = 0

    def begin(self, peer: Peer) -> None:
        """Count one more; raises LimitExceeded when that is too many."""
        _check("of this connection", peer.loads, "streams_per_peer", self._limits)
        _check("of this server", self._in_all, "streams", self._limits)
        peer.loads += 1
        self._in_all += 1

    def end(self, peer: Peer) -> None:
        """Count one less: it has succeeded or failed."""
        peer.loads -= 1
        self._in_all -= 1


def _check(whose: str, under_way: int, limit: str, limits: Limits) -> None:
    allowed: int = getattr(limits, f"maximum_{limit}")
    if under_way >= allowed:
        raise LimitExceeded(
            f"{under_way} openings and switches {whose} are under way: maximum_{limit} is "
            f"{allowed}; wait for their answers"
        )
