"""The asyncio session does what the blocking one does."""

import asyncio

import numpy as np
import pytest
from fake_server import GAINS

from plugin_bridge import BadAudio, ServerUnreachable, SessionClosed, connect_async, join
from protocol import UnknownModel, UnknownStem


def expected(dry):
    return np.stack([np.float32(gain) * dry for gain in GAINS.values()])


async def collect(session, blocks):
    return join([block async for block in session.separate(blocks)])


async def test_an_array_blocks_and_awaited_blocks_give_the_same(served, noise):
    async def awaited():
        for block in np.split(noise, 10, axis=1):
            await asyncio.sleep(0)
            yield block

    async with await connect_async(served.endpoint) as session:
        for blocks in (noise, np.split(noise, 100, axis=1), awaited()):
            result = await collect(session, blocks)
            assert np.array_equal(result.samples, expected(noise))


async def test_the_event_loop_keeps_running(served, noise):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(tick())
    async with await connect_async(served.endpoint) as session:
        await collect(session, [noise] * 3)
    other.cancel()
    assert ticks > 10


async def test_set_seek_flush_and_refusals(served, noise):
    async with await connect_async(served.endpoint) as session:
        first = await anext(session.separate(noise))
        rest = await session.flush()
        assert first.end_samples == rest[0].position_samples
        await session.seek(500)
        await session.set(stems=["drums"])
        with pytest.raises(UnknownStem):
            await session.set(stems=["kazoo"])
        result = await collect(session, noise)
        assert result.position_samples == 500
        assert result.stems == session.stems == ("drums",)
        assert session.statistics.received_frames == 500 + noise.shape[1]


async def test_errors_are_those_of_the_blocking_session(served, tmp_path):
    with pytest.raises(UnknownModel):
        await connect_async(served.endpoint, model="nothing")
    with pytest.raises(ServerUnreachable):
        await connect_async(f"ipc://{tmp_path}/nobody", timeout_s=0.3)
    session = await connect_async(served.endpoint)
    with pytest.raises(BadAudio):
        await collect(session, np.zeros((3, 4)))
    await session.close()
    await session.close()
    with pytest.raises(SessionClosed):
        await collect(session, np.zeros((2, 4), np.float32))
