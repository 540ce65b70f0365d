"""The four ways to open a stream; without an endpoint each starts a server of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.access import make_access
from plugin_bridge.connection import Connection, open_stream
from plugin_bridge.embedded import EmbeddedServer
from plugin_bridge.handshake import StreamRequest
from plugin_bridge.latency import round_trip_samples as default_round_trip_samples
from plugin_bridge.live import LiveSession
from plugin_bridge.offline_live import OfflineLiveSession
from plugin_bridge.session import Session
from protocol import LatencyTooSmall

if TYPE_CHECKING:
    from plugin_bridge.aio import AsyncSession

SCRIPT_BLOCK_FRAMES = 8192  # larger blocks, fewer messages; latency is no concern of scripts
OPEN_TIMEOUT_S = 60.0  # opening may load a model


def connect(
    endpoint: str | None = None,
    *,
    rate_hz: int = 44100,
    channels: int = 2,
    model: str = "",
    profile: str = "offline",
    stems: Sequence[str] = (),
    timeout_s: float = OPEN_TIMEOUT_S,
    server_key: str | None = None,
    client_key: str | Path | None = None,
) -> Session:
    """Open a lossless stream for a script.

    ``endpoint``: of a running server, as `phoenix-stems serve` prints it; None starts one.
    Empty ``model`` and ``stems`` mean the server's default and all stems. For a server on another
    machine: ``server_key``, its public key, and ``client_key``, your secret one or its file.

    Raises ServerUnreachable, AccessRefused, BadKey, EmbeddedServerFailed, or the server's refusal
    (``protocol.StemsError``).
    """
    access = make_access(server_key, client_key)
    request = StreamRequest(rate_hz, channels, SCRIPT_BLOCK_FRAMES, model, profile, tuple(stems))
    with _server_at(endpoint, model, profile) as (found, server):
        return Session(found, request, connect_timeout_s=timeout_s, server=server, access=access)


async def connect_async(
    endpoint: str | None = None,
    *,
    rate_hz: int = 44100,
    channels: int = 2,
    model: str = "",
    profile: str = "offline",
    stems: Sequence[str] = (),
    timeout_s: float = OPEN_TIMEOUT_S,
    server_key: str | None = None,
    client_key: str | Path | None = None,
) -> AsyncSession:
    """Open a lossless stream for an asyncio program; everything as with ``connect``."""
    # Imported here because asyncio would make `import plugin_bridge` slow.
    from plugin_bridge import aio  # noqa: PLC0415

    request = StreamRequest(rate_hz, channels, SCRIPT_BLOCK_FRAMES, model, profile, tuple(stems))
    return await aio.connect(endpoint, request, timeout_s, make_access(server_key, client_key))


def connect_live(
    endpoint: str | None = None,
    *,
    rate_hz: int = 44100,
    channels: int = 2,
    max_block_frames: int = 256,
    model: str = "",
    profile: str = "live",
    stems: Sequence[str] = (),
    round_trip_samples: int | None = None,
    position_samples: int = 0,
    timeout_s: float = OPEN_TIMEOUT_S,
    server_key: str | None = None,
    client_key: str | Path | None = None,
) -> LiveSession:
    """Open a real-time stream; its ``latency`` is known, and final, when this returns.

    ``round_trip_samples``: time granted to transport and computing, at ``rate_hz``; None: 17.4 ms,
    or the least that the server takes where that is more. Everything else as with ``connect``.
    LatencyTooSmall names the least the server takes.
    """
    access = make_access(server_key, client_key)
    granted = round_trip_samples
    if granted is None:
        granted = default_round_trip_samples(rate_hz)
    request = StreamRequest(
        rate_hz,
        channels,
        max_block_frames,
        model,
        profile,
        tuple(stems),
        freewheel=False,
        round_trip_samples=granted,
        position_samples=position_samples,
    )
    with _server_at(endpoint, model, profile) as (found, server):
        try:
            connection, accepted = open_stream(found, request, timeout_s, access)
        except LatencyTooSmall:
            if round_trip_samples is not None:
                raise
            asking = replace(request, round_trip_samples=0)
            connection, accepted = open_stream(found, asking, timeout_s, access)
            least = accepted.opened.minimum_round_trip_samples
            request = replace(request, round_trip_samples=least)
    return LiveSession(
        connection.endpoint,
        request,
        connection,
        accepted,
        server=server,
        dial=partial(Connection, access=access),
    )


def connect_offline_live(
    endpoint: str | None = None,
    *,
    rate_hz: int = 44100,
    channels: int = 2,
    max_block_frames: int = 256,
    model: str = "",
    profile: str = "live",
    stems: Sequence[str] = (),
    round_trip_samples: int | None = None,
    position_samples: int = 0,
    timeout_s: float = OPEN_TIMEOUT_S,
    server_key: str | None = None,
    client_key: str | Path | None = None,
) -> OfflineLiveSession:
    """Open what ``connect_live`` opens, for rendering: ``process`` waits for stems."""
    access = make_access(server_key, client_key)
    if round_trip_samples is None:
        round_trip_samples = default_round_trip_samples(rate_hz)
    request = StreamRequest(
        rate_hz,
        channels,
        max_block_frames,
        model,
        profile,
        tuple(stems),
        position_samples=position_samples,
    )
    with _server_at(endpoint, model, profile) as (found, server):
        session = Session(found, request, connect_timeout_s=timeout_s, server=server, access=access)
    return OfflineLiveSession(session, request, round_trip_samples)


@contextmanager
def _server_at(
    endpoint: str | None, model: str, profile: str
) -> Iterator[tuple[str, EmbeddedServer | None]]:
    """Give the endpoint to use, and our own server if there was none; it is stopped on failure."""
    if endpoint is not None:
        yield endpoint, None
        return
    server = EmbeddedServer(model=model, profile=profile)
    try:
        yield server.endpoint, server
    except BaseException:
        server.close()
        raise
