"""What the server says: messages are encoded, sent or queued, and errors counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from protocol import Error, Message, Stems, StemsError, encode
from server.transport.outbound import Outbound, Outgoing

if TYPE_CHECKING:
    from server.monitoring.log import Logger, RateLimit
    from server.monitoring.metrics import Metrics
    from server.sessions.peers import Stream


class Replies:
    """Answers to peers; ``on_gone`` is told of a peer that is not there to take them."""

    def __init__(
        self, outbound: Outbound, metrics: Metrics, log: Logger, log_rate: RateLimit
    ) -> None:
        self._outbound = outbound
        self._metrics = metrics
        self._log = log
        self._log_rate = log_rate
        self.on_gone: Callable[[bytes], None] = _nobody_listens

    def send(self, identity: bytes, message: Message) -> None:
        """Send a message that must not be dropped."""
        self._send(identity, Outgoing(encode(message)))

    def send_error(self, identity: bytes, error: StemsError, stream: int | None = None) -> None:
        """Tell a peer what went wrong, count it, and log it, but not too often."""
        self._metrics.errors.labels(code=error.code).inc()
        held_back = self._log_rate.admit(error.code)
        if held_back is not None:
            self._log.warning(
                "refused", code=error.code, reason=error.reason, stream=stream, held_back=held_back
            )
        self.send(identity, Error.of(error, stream))

    def send_stems(self, stream: Stream, stems: Stems) -> None:
        """Send stems; a live stream's may be dropped when the peer does not take them in time."""
        frames = stems.samples.shape[-1]
        end_samples = stems.position_samples + frames
        if stream.request.freewheel:
            outgoing = Outgoing(encode(stems), on_sent=partial(_answered, stream, end_samples))
        else:
            dropped = self._metrics.dropped_frames.labels(side="output")
            outgoing = Outgoing(
                encode(stems), stream.number, frames, stream.live_frames, on_dropped=dropped.inc
            )
        self._send(stream.peer.identity, outgoing)

    def _send(self, identity: bytes, outgoing: Outgoing) -> None:
        if not self._outbound.send(identity, outgoing):
            self.on_gone(identity)


def _answered(stream: Stream, end_samples: int) -> None:
    """Give credit back for what the client can now read."""
    stream.answered_samples = max(stream.answered_samples, end_samples)


def _nobody_listens(_identity: bytes) -> None:
    """Do nothing; replaced when the sessions are there."""
