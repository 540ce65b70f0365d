"""What both sessions do about pings, silence, redirects, and servers of their own."""

import asyncio

import numpy as np
import pytest
from fake_server import SocketServer

from plugin_bridge import (
    BadAudio,
    RedirectLoop,
    ServerLost,
    ServerUnreachable,
    SessionClosed,
    connect,
    connect_async,
    connect_live,
    connect_offline_live,
    join,
)
from plugin_bridge import aio as aio_module
from plugin_bridge import connecting as connecting_module
from plugin_bridge.aio import AsyncSession
from plugin_bridge.handshake import StreamRequest
from plugin_bridge.session import Session
from plugin_bridge.stem_block import StemBlock
from protocol import Ping, Pong, UnknownModel

REQUEST = StreamRequest(44100, 2, 512)


class Owned:
    """A server of the session's own that is anything but well."""

    def __init__(self, endpoint="", **options):
        self.endpoint = endpoint
        self.options = options
        self.closed = 0

    def explain(self):
        return "it ended with code 42"

    def close(self):
        self.closed += 1


def with_pings(server):
    """Have a server ping behind every answer; returns the tokens that come back."""
    handle, tokens = server.handle, []

    def answer(message):
        if isinstance(message, Pong):
            tokens.append(message.token)
            return []
        return [*handle(message), Ping(7)]

    server.handle = answer
    return tokens


@pytest.fixture
def embedded(served, monkeypatch):
    """Have sessions without an endpoint believe that the fake server is one they started."""
    started = []

    def start(**options):
        started.append(Owned(served.endpoint, **options))
        return started[-1]

    monkeypatch.setattr(connecting_module, "EmbeddedServer", start)
    monkeypatch.setattr(aio_module, "EmbeddedServer", start)
    return started


async def open_async(endpoint, **options):
    socket, accepted = await aio_module.open_stream(endpoint, REQUEST, 5)
    return AsyncSession(socket, REQUEST, accepted, **options)


async def drain(session, blocks):
    return [block async for block in session.separate(blocks)]


def test_the_servers_pings_are_answered_while_stems_flow(served, noise):
    tokens = with_pings(served.server)
    with connect(served.endpoint) as session:
        assert join(session.separate(noise)).frames == noise.shape[1]
    assert set(tokens) == {7}


async def test_the_servers_pings_are_answered_by_the_asyncio_session_too(served, noise):
    tokens = with_pings(served.server)
    async with await connect_async(served.endpoint) as session:
        assert join(await drain(session, noise)).frames == noise.shape[1]
    assert set(tokens) == {7}


def test_a_lost_server_of_ones_own_is_told_with_its_fate(served, noise, monkeypatch):
    monkeypatch.setattr("plugin_bridge.session.SERVER_SILENCE_S", 0.05)
    owned = Owned()
    with Session(served.endpoint, REQUEST, silence_timeout_s=0.2, server=owned) as session:
        served.server.is_mute = True
        with pytest.raises(ServerLost, match="it ended with code 42"):
            list(session.separate(noise))
    assert owned.closed == 1


async def test_the_asyncio_session_tells_the_fate_of_its_server_too(served, noise):
    owned = Owned()
    session = await open_async(served.endpoint, silence_timeout_s=0.2, server=owned)
    served.server.is_mute = True
    with pytest.raises(ServerLost, match=r"silent for 0\.2 s; it ended with code 42"):
        await drain(session, noise)
    await session.close()
    await session.close()
    assert owned.closed == 1


async def test_silence_of_a_server_elsewhere_is_told_without_one(served, noise):
    session = await open_async(served.endpoint, silence_timeout_s=0.2)
    served.server.is_mute = True
    with pytest.raises(ServerLost, match=r"silent for 0\.2 s$"):
        await drain(session, noise)
    await session.close()


async def test_an_idle_asyncio_session_keeps_itself_alive(served, monkeypatch):
    monkeypatch.setattr(aio_module, "KEEP_ALIVE_S", 0.01)
    async with await connect_async(served.endpoint) as session:
        for _ in range(500):
            if any(isinstance(message, Ping) for message in served.server.log):
                break
            await asyncio.sleep(0.01)
        assert session.model == "fake"
    assert any(isinstance(message, Ping) for message in served.server.log)


async def test_redirects_are_followed_by_asyncio_and_loops_are_not(served, tmp_path, noise):
    with SocketServer(f"ipc://{tmp_path}/other.sock") as other:
        served.server.redirect = other.endpoint
        async with await connect_async(served.endpoint) as session:
            assert join(await drain(session, noise)).frames == noise.shape[1]
        assert other.server.log
        other.server.redirect = served.endpoint
        with pytest.raises(RedirectLoop, match="none back"):
            await connect_async(served.endpoint)


async def test_nonsense_for_an_endpoint_is_told_by_asyncio():
    with pytest.raises(ServerUnreachable, match="endpoint 'nonsense'"):
        await connect_async("nonsense", timeout_s=0.3)


def test_a_script_session_starts_asks_and_stops_its_own_server(embedded, noise):
    with connect(model="duo", profile="studio") as session:
        assert join(session.separate(noise)).frames == noise.shape[1]
        (owned,) = embedded
        assert owned.options == {"model": "duo", "profile": "studio"}
        assert owned.closed == 0
    assert owned.closed == 1


async def test_an_asyncio_session_starts_asks_and_stops_its_own_server(embedded, noise):
    async with await connect_async(model="duo", profile="studio") as session:
        assert join(await drain(session, noise)).frames == noise.shape[1]
        (owned,) = embedded
        assert owned.options == {"model": "duo", "profile": "studio"}
        assert owned.closed == 0
    assert owned.closed == 1


@pytest.mark.parametrize("open_live", [connect_live, connect_offline_live])
def test_a_live_session_starts_and_stops_its_own_server(embedded, noise, open_live):
    with open_live(model="fake") as session:
        session.process(noise[:, :256])
        assert embedded[0].options == {"model": "fake", "profile": "live"}
    assert embedded[0].closed == 1


@pytest.mark.parametrize("open_it", [connect, connect_live, connect_offline_live])
def test_a_server_of_ones_own_does_not_outlive_a_failed_opening(embedded, open_it):
    with pytest.raises(UnknownModel):
        open_it(model="nothing")
    assert embedded[0].closed == 1


async def test_nor_does_that_of_an_asyncio_session(embedded):
    with pytest.raises(UnknownModel):
        await connect_async(model="nothing")
    assert embedded[0].closed == 1


def test_a_busy_server_is_asked_and_given_time_up_to_the_limit(served, noise, monkeypatch):
    """It answers pings, and nothing else."""
    monkeypatch.setattr("plugin_bridge.session.SERVER_SILENCE_S", 0.02)
    with Session(served.endpoint, REQUEST, silence_timeout_s=0.3) as session:
        served.server.is_mute = True
        with pytest.raises(ServerLost, match=r"no answer within 0\.3 s"):
            list(session.separate(noise))
    assert sum(isinstance(message, Ping) for message in served.server.log) > 2


def test_closing_in_the_middle_of_a_separation_is_told(served, noise):
    session = connect(served.endpoint)
    separation = session.separate([noise] * 3)
    next(separation)
    session.close()
    with pytest.raises(SessionClosed, match="open another with connect"):
        list(separation)


def test_a_socket_that_is_served_no_more_is_no_server(tmp_path):
    endpoint = f"ipc://{tmp_path}/server.sock"
    with SocketServer(endpoint):
        pass
    with pytest.raises(ServerUnreachable, match="no server at"):
        connect(endpoint, timeout_s=0.1)


def block(position, frames, stems=("a", "b"), value=1.0):
    return StemBlock(position, stems, np.full((len(stems), 2, frames), value, np.float32))


def test_blocks_know_their_length_end_and_stems():
    one = block(100, 20)
    assert (one.frames, one.end_samples) == (20, 120)
    assert np.shares_memory(one["b"], one.samples)
    with pytest.raises(KeyError, match="c: a, b are there"):
        _ = one["c"]


def test_consecutive_blocks_are_joined():
    whole = join(iter([block(5, 2), block(7, 0), block(7, 3, value=2.0)]))
    assert (whole.position_samples, whole.stems, whole.frames) == (5, ("a", "b"), 5)
    assert whole["a"][0].tolist() == [1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [block(0, 5), block(6, 5)],
        [block(0, 5), block(4, 5)],
        [block(0, 5), block(5, 5, ("a",))],
        [block(0, 5), block(5, 5, ("b", "a"))],
    ],
    ids=["none", "gap", "overlap", "fewer", "order"],
)
def test_blocks_that_do_not_follow_one_another_are_not_joined(blocks):
    with pytest.raises(BadAudio):
        join(blocks)
