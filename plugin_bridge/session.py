"""Separation for scripts: lossless, as fast as the server can, one block after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from plugin_bridge.access import Access
from plugin_bridge.audio_input import as_block
from plugin_bridge.closeable import Closeable
from plugin_bridge.connection import open_stream
from plugin_bridge.errors import ServerLost, SessionClosed
from plugin_bridge.exchange import Exchange
from plugin_bridge.handshake import STREAM, StreamRequest
from plugin_bridge.sockets import KEEP_ALIVE_S, SEND_TIMEOUT_S, SERVER_SILENCE_S
from plugin_bridge.stem_block import StemBlock
from protocol import Close, Closed, FloatArray, Message, Opened, Ping, Pong, Set, Welcome

_CLOSE_TIMEOUT_S = 0.5


class OwnedServer(Protocol):
    """A server that a session started and stops again (``EmbeddedServer``)."""

    def explain(self) -> str:
        """Say how the server is, for an error message."""
        ...

    def close(self) -> None:
        """Stop the server."""
        ...


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """Totals since the session was opened."""

    blocks: int  # sent
    sent_frames: int  # position behind the last audio sent
    received_frames: int  # position behind the last stems received
    dropped_frames: int  # of input; a lossless stream has none

    @classmethod
    def of(cls, exchange: Exchange) -> Self:
        """Return an exchange's totals."""
        return cls(
            exchange.blocks,
            exchange.sent_samples,
            exchange.received_samples,
            exchange.dropped_frames,
        )


class Session(Closeable):
    """One lossless stream. For one thread at a time; a helper thread keeps an idle one alive.

    Every method that talks to the server raises ServerLost when that is gone, and the server's
    own error (``protocol.StemsError``) when it refuses.
    """

    def __init__(
        self,
        endpoint: str,
        request: StreamRequest,
        *,
        connect_timeout_s: float = 10.0,
        silence_timeout_s: float = 30.0,
        server: OwnedServer | None = None,
        access: Access | None = None,
    ) -> None:
        self._request = request
        self._silence_timeout_s = silence_timeout_s
        self._server = server
        self._connection, accepted = open_stream(endpoint, request, connect_timeout_s, access)
        self.welcome: Welcome = accepted.welcome
        self.opened: Opened = accepted.opened
        self._exchange = Exchange(
            accepted.opened, request.max_block_frames, request.position_samples
        )
        self._in_use = threading.Lock()
        self._closing = threading.Event()
        threading.Thread(target=self._keep_alive, name="keep-alive", daemon=True).start()

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that blocks hold, in order."""
        return self._exchange.stems

    @property
    def model(self) -> str:
        """The model that runs."""
        return self._exchange.model

    @property
    def statistics(self) -> SessionStatistics:
        """Totals so far."""
        return SessionStatistics.of(self._exchange)

    def separate(self, blocks: Iterable[Any] | np.ndarray[Any, Any]) -> Iterator[StemBlock]:
        """Separate one piece of audio: one array [channel, frame], or blocks of any length.

        Yields stems as they come; together they are as long as the input, sample for sample aligned
        with it. A second call separates another piece, which starts where the first ended.
        Non-finite samples are taken as silence.

        Raises BadAudio for a block that the stream cannot take.
        """
        exchange = self._exchange
        exchange.rewind_if_used()
        for block in [blocks] if isinstance(blocks, np.ndarray) else blocks:
            exchange.feed(as_block(block, self._request.channels))
            yield from self._stems_until(lambda: not exchange.has_outgoing)
        exchange.flush()
        yield from self._stems_until(lambda: exchange.is_flushed)

    def flush(self) -> list[StemBlock]:
        """Return the stems not yet yielded, when ``separate`` was left early."""
        self._exchange.flush()
        return list(self._stems_until(lambda: self._exchange.is_flushed))

    def exchange_until(self, block: FloatArray, due_samples: int) -> Iterator[StemBlock]:
        """Send a block, and yield stems until those before ``due_samples`` have come.

        The building block of ``OfflineLiveSession``; ``separate`` is what scripts want.
        """
        self._exchange.feed(block)
        yield from self._stems_until(
            lambda: (
                not self._exchange.has_outgoing and self._exchange.received_samples >= due_samples
            )
        )

    def seek(self, position_samples: int) -> None:
        """Forget the context; the next audio has this position."""
        self._exchange.seek(position_samples)
        self._settle()

    def set(
        self,
        *,
        gains_db: Mapping[str, float] | None = None,
        mute: Sequence[str] | None = None,
        solo: Sequence[str] | None = None,
        stems: Sequence[str] | None = None,
        model: str | None = None,
    ) -> int:
        """Change the stream without a click; what is left out stays.

        Returns, once the server has answered, the position from which the change holds.

        Raises the server's refusal; the stream then goes on as before.
        """
        self._exchange.change(as_change(gains_db, mute, solo, stems, model))
        self._settle()
        return self._exchange.changed_at_samples

    def close(self) -> None:
        """End the stream, and the server if it is the session's own."""
        if self._closing.is_set():
            return
        self._closing.set()
        with self._in_use:
            self._say_goodbye()
            self._connection.close()
        if self._server is not None:
            self._server.close()

    def _stems_until(self, done: Callable[[], bool]) -> Iterator[StemBlock]:
        """Talk to the server until ``done``; yields the stems that come meanwhile."""
        while True:
            with self._talking():
                self._send_allowed()
                if not done() and not self._exchange.has_ready:
                    self._exchange.receive(self._wait_for_message())
            yield from self._exchange.take_ready()
            if done():
                return

    def _settle(self) -> None:
        """Wait until the server has answered every change; stems meanwhile are kept."""
        with self._talking():
            self._send_allowed()
            while self._exchange.awaits_change:
                self._exchange.receive(self._wait_for_message())
                self._send_allowed()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Hold the connection, and say more when it breaks."""
        with self._in_use:
            if self._closing.is_set():
                raise SessionClosed("the session is closed: open another with connect()")
            try:
                yield
            except ServerLost as error:
                raise self._explained(error) from error

    def _send_allowed(self) -> None:
        """Send what credit allows, and take in what has arrived."""
        self._receive_arrived()
        while (message := self._exchange.next_message()) is not None:
            self._connection.send(message, SEND_TIMEOUT_S)
            self._receive_arrived()

    def _receive_arrived(self) -> None:
        while (message := self._connection.try_receive()) is not None:
            self._exchange.receive(message)

    def _wait_for_message(self) -> Message:
        """Wait for the server, asking now and then whether it is there.

        A ping that cannot be sent means that the connection is gone; one that is answered means
        that the server is busy, which is no reason to give up before the time limit.
        """
        deadline = time.monotonic() + self._silence_timeout_s
        while time.monotonic() < deadline:
            message = self._connection.receive(SERVER_SILENCE_S)
            if isinstance(message, Pong):
                continue
            if message is not None:
                return message
            if not self._connection.try_send(Ping(0)):
                raise ServerLost(f"{self._connection.endpoint}: the server is gone")
        raise ServerLost(
            f"{self._connection.endpoint}: no answer within {self._silence_timeout_s:g} s"
        )

    def _explained(self, error: ServerLost) -> ServerLost:
        if self._server is None:
            return error
        return ServerLost(f"{error}; {self._server.explain()}")

    def _say_goodbye(self) -> None:
        """Close the stream; a server that does not answer any more is left alone."""
        deadline = time.monotonic() + _CLOSE_TIMEOUT_S
        waiting = self._connection.try_send(Close(STREAM))
        while waiting and (remaining_s := deadline - time.monotonic()) > 0:
            waiting = not isinstance(self._connection.receive(remaining_s), Closed)

    def _keep_alive(self) -> None:
        """Ping while the session idles; whoever uses it meanwhile speaks for itself."""
        while not self._closing.wait(KEEP_ALIVE_S):
            if self._in_use.acquire(blocking=False):
                try:
                    if not self._closing.is_set():
                        self._connection.try_send(Ping(0))
                finally:
                    self._in_use.release()


def as_change(
    gains_db: Mapping[str, float] | None,
    mute: Sequence[str] | None,
    solo: Sequence[str] | None,
    stems: Sequence[str] | None,
    model: str | None,
) -> Set:
    """Return the message for a change; raises ``protocol.InvalidField`` for values out of range."""
    return Set(
        STREAM,
        gains_db={name: float(gain) for name, gain in (gains_db or {}).items()},
        mute=None if mute is None else tuple(mute),
        solo=None if solo is None else tuple(solo),
        stems=None if stems is None else tuple(stems),
        model=model,
    )
