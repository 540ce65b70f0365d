"""Separation for asyncio programs: ``Session``'s conversation, awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import zmq
import zmq.asyncio

from plugin_bridge.access import Access, HandshakeWatch, Refusals, needs_watch
from plugin_bridge.audio_input import as_block
from plugin_bridge.embedded import EmbeddedServer
from plugin_bridge.errors import AccessRefused, ServerLost, ServerUnreachable, SessionClosed
from plugin_bridge.exchange import Exchange
from plugin_bridge.handshake import STREAM, Accepted, Handshake, Route, StreamRequest, handshake
from plugin_bridge.session import OwnedServer, SessionStatistics, as_change
from plugin_bridge.sockets import KEEP_ALIVE_S, SEND_TIMEOUT_S, configure
from plugin_bridge.stem_block import StemBlock
from protocol import (
    Close,
    Closed,
    Message,
    Opened,
    Ping,
    Pong,
    UnknownMessage,
    Welcome,
    decode,
    encode,
)

_CLOSE_TIMEOUT_S = 0.5
_REDIAL_S = 0.1


class AsyncSession:
    """One lossless stream for one task at a time; open it with ``connect_async``.

    Methods, results and errors are those of ``Session``.
    """

    def __init__(
        self,
        socket: zmq.asyncio.Socket,
        request: StreamRequest,
        accepted: Accepted,
        *,
        silence_timeout_s: float = 30.0,
        server: OwnedServer | None = None,
    ) -> None:
        """Run the stream that has been opened on ``socket``."""
        self.welcome: Welcome = accepted.welcome
        self.opened: Opened = accepted.opened
        self._socket = socket
        self._request = request
        self._silence_timeout_s = silence_timeout_s
        self._server = server
        self._exchange = Exchange(
            accepted.opened, request.max_block_frames, request.position_samples
        )
        self._is_closed = False
        self._pings = asyncio.create_task(self._keep_alive())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

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

    async def separate(
        self, blocks: AsyncIterable[Any] | Iterable[Any] | np.ndarray[Any, Any]
    ) -> AsyncIterator[StemBlock]:
        """Separate one piece of audio: an array [channel, frame], or blocks, awaited or not."""
        exchange = self._exchange
        exchange.rewind_if_used()
        async for block in _each(blocks):
            exchange.feed(as_block(block, self._request.channels))
            async for stems in self._stems_until(lambda: not exchange.has_outgoing):
                yield stems
        exchange.flush()
        async for stems in self._stems_until(lambda: exchange.is_flushed):
            yield stems

    async def flush(self) -> list[StemBlock]:
        """Return the stems not yet yielded, when ``separate`` was left early."""
        self._exchange.flush()
        return [stems async for stems in self._stems_until(lambda: self._exchange.is_flushed)]

    async def seek(self, position_samples: int) -> None:
        """Forget the context; the next audio has this position."""
        self._exchange.seek(position_samples)
        await self._settle()

    async def set(
        self,
        *,
        gains_db: Mapping[str, float] | None = None,
        mute: Sequence[str] | None = None,
        solo: Sequence[str] | None = None,
        stems: Sequence[str] | None = None,
        model: str | None = None,
    ) -> int:
        """Change the stream without a click; returns the position from which it holds."""
        self._exchange.change(as_change(gains_db, mute, solo, stems, model))
        await self._settle()
        return self._exchange.changed_at_samples

    async def close(self) -> None:
        """End the stream, and the server if it is the session's own."""
        if self._is_closed:
            return
        self._is_closed = True
        self._pings.cancel()
        with contextlib.suppress(TimeoutError, zmq.ZMQError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._socket.send_multipart(encode(Close(STREAM)))
                while not isinstance(await _receive(self._socket), Closed):
                    pass
        self._socket.close(linger=0)
        if self._server is not None:
            await asyncio.to_thread(self._server.close)

    async def _stems_until(self, done: Callable[[], bool]) -> AsyncIterator[StemBlock]:
        """Talk to the server until ``done``; yields the stems that come meanwhile."""
        while True:
            await self._send_allowed()
            if not done() and not self._exchange.has_ready:
                self._exchange.receive(await self._wait_for_message())
            for stems in self._exchange.take_ready():
                yield stems
            if done():
                return

    async def _settle(self) -> None:
        await self._send_allowed()
        while self._exchange.awaits_change:
            self._exchange.receive(await self._wait_for_message())
            await self._send_allowed()

    async def _send_allowed(self) -> None:
        if self._is_closed:
            raise SessionClosed("the session is closed: open another with connect_async()")
        while int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            # One at a time: behind a ping nothing else may be waiting.
            if (arrived := await _receive_one(self._socket)) is not None:
                self._exchange.receive(arrived)
        while (message := self._exchange.next_message()) is not None:
            await self._within(self._socket.send_multipart(encode(message)))

    async def _wait_for_message(self) -> Message:
        """Wait for anything but the answers to our own pings."""
        try:
            async with asyncio.timeout(self._silence_timeout_s):
                while isinstance(message := await _receive(self._socket), Pong):
                    pass
        except TimeoutError:
            raise self._lost(self._silence_timeout_s) from None
        return message

    async def _within(self, sending: Any) -> None:
        try:
            await asyncio.wait_for(sending, SEND_TIMEOUT_S)
        except TimeoutError:
            raise self._lost(SEND_TIMEOUT_S) from None

    def _lost(self, after_s: float) -> ServerLost:
        told = f"; {self._server.explain()}" if self._server is not None else ""
        return ServerLost(f"the server was silent for {after_s:g} s{told}")

    async def _keep_alive(self) -> None:
        """Ping now and then: a server forgets connections that say nothing."""
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            with contextlib.suppress(zmq.Again):
                await self._socket.send_multipart(encode(Ping(0)), zmq.DONTWAIT)


async def connect(
    endpoint: str | None, request: StreamRequest, timeout_s: float, access: Access | None = None
) -> AsyncSession:
    """Open a session; see ``plugin_bridge.connect_async``."""
    server = None
    if endpoint is None:
        server = await asyncio.to_thread(
            EmbeddedServer, model=request.model, profile=request.profile
        )
        endpoint = server.endpoint
    try:
        socket, accepted = await open_stream(endpoint, request, timeout_s, access)
    except BaseException:
        if server is not None:
            server.close()
        raise
    return AsyncSession(socket, request, accepted, server=server)


async def open_stream(
    endpoint: str, request: StreamRequest, timeout_s: float, access: Access | None = None
) -> tuple[zmq.asyncio.Socket, Accepted]:
    """Connect and open a stream, following redirects.

    Raises ServerUnreachable when nobody answers in time, AccessRefused, RedirectLoop, or the
    server's refusal.
    """
    route = Route(endpoint)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                socket = await _dial(route.endpoint, access)
                try:
                    accepted = await _shake_hands(socket, handshake(request))
                    if not route.follow(accepted.opened):
                        return socket, accepted
                except BaseException:
                    socket.close(linger=0)
                    raise
                socket.close(linger=0)
    except TimeoutError:
        raise ServerUnreachable(
            f"no server answered at {route.endpoint} within {timeout_s:g} s; start one with "
            f"`phoenix-stems serve --bind {route.endpoint}`, or give no endpoint"
        ) from None


async def _dial(endpoint: str, access: Access | None) -> zmq.asyncio.Socket:
    """Return a socket that a server has taken; keeps trying until cancelled or refused."""
    refusals = Refusals(endpoint, access)
    while True:
        socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        configure(socket)
        try:
            if await _is_taken(socket, endpoint, access, refusals):
                return socket
        except zmq.ZMQError as error:
            socket.close(linger=0)
            raise ServerUnreachable(f"endpoint {endpoint!r}: {error.strerror}") from error
        except BaseException:
            socket.close(linger=0)
            raise
        socket.close(linger=0)


async def _is_taken(
    socket: zmq.asyncio.Socket, endpoint: str, access: Access | None, refusals: Refusals
) -> bool:
    """Connect; whether a server took it soon. Raises AccessRefused when it is sure not to."""
    if access is not None:
        access.apply(socket)
    watch = HandshakeWatch(socket) if needs_watch(endpoint) else None
    try:
        socket.connect(endpoint)
        poll: Any = socket.poll  # typed without its flags
        if await poll(round(1000 * _REDIAL_S), zmq.POLLOUT):
            return True
        if watch is not None and (reason := refusals.reason(watch.failure())) is not None:
            raise AccessRefused(reason)
    finally:
        if watch is not None:
            watch.close()
    return False


async def _shake_hands(socket: zmq.asyncio.Socket, steps: Handshake) -> Accepted:
    message = next(steps)
    while True:
        await socket.send_multipart(encode(message))
        try:
            message = steps.send(await _receive(socket))
        except StopIteration as done:
            accepted: Accepted = done.value
            return accepted


async def _receive(socket: zmq.asyncio.Socket) -> Message:
    """Return the next message; the server's pings are answered here."""
    while (message := await _receive_one(socket)) is None:
        pass
    return message


async def _receive_one(socket: zmq.asyncio.Socket) -> Message | None:
    """Return a message; None when it was a ping, now answered, or of a kind not known here."""
    try:
        message = decode(await socket.recv_multipart())
    except UnknownMessage:
        return None
    if isinstance(message, Ping):
        await socket.send_multipart(encode(Pong(message.token)))
        return None
    return message


async def _each(
    blocks: AsyncIterable[Any] | Iterable[Any] | np.ndarray[Any, Any],
) -> AsyncIterator[Any]:
    if isinstance(blocks, np.ndarray):
        yield blocks
    elif isinstance(blocks, AsyncIterable):
        async for block in blocks:
            yield block
    else:
        for block in blocks:
            yield block
