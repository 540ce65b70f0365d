"""The bridge and the real server together: latency, sums, changes on the fly, in real time."""

import time

import numpy as np
import pytest

from plugin_bridge import (
    EmbeddedServer,
    connect,
    connect_async,
    connect_live,
    connect_offline_live,
    join,
)
from protocol import IncompatibleModel, LatencyTooSmall, RequestRefused, UnknownProfile

MODEL = {"model": "fixed-gains"}
GAINS = np.array([0.5, 0.25, 0.25], np.float32)


@pytest.fixture(scope="module")
def endpoint():
    with EmbeddedServer(model="fixed-gains", profile="live") as server:
        yield server.endpoint


def noise(frames, channels=2, seed=1):
    shape = (channels, frames)
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def delayed_stems(dry, latency):
    delayed = np.concatenate([np.zeros((len(dry), latency), np.float32), dry], axis=1)
    return GAINS[:, None, None] * delayed[:, : dry.shape[1]]


@pytest.mark.parametrize("profile", ["live", "studio", "offline"])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (96000, 2)])
def test_stems_are_aligned_and_sum_to_the_input(endpoint, profile, rate, channels):
    dry = noise(rate // 2, channels)
    with connect(endpoint, rate_hz=rate, channels=channels, profile=profile, **MODEL) as session:
        result = join(session.separate(dry))
    assert result.samples.shape == (3, *dry.shape)
    assert np.abs(result.samples.sum(axis=0) - dry).max() < 2.0**-23
    if rate == 44100:
        assert np.allclose(result["vocals"], 0.5 * dry, atol=1e-5)


@pytest.mark.parametrize("block", [16, 64, 256, 1024, 8192])
@pytest.mark.parametrize("rate", [44100, 48000, 88200, 96000])
def test_reported_latency_is_the_measured_one(endpoint, rate, block):
    """An impulse comes out exactly where it was promised, and all of it."""
    with connect_offline_live(endpoint, rate_hz=rate, max_block_frames=block, **MODEL) as session:
        latency = session.latency.total
        frames = (latency + 4000) // block * block + block
        dry = np.zeros((2, frames), np.float32)
        dry[:, 1000] = 1
        output = np.concatenate(
            [session.process(dry[:, at : at + block]) for at in range(0, frames, block)], axis=2
        )
    total = output.sum(axis=0)
    assert np.argmax(np.abs(total[0])) == 1000 + latency
    assert np.abs(total[:, 1000 + latency] - 1).max() < 1e-6


def test_variable_blocks_give_the_same_samples(endpoint):
    dry, random = noise(30000), np.random.default_rng(4)
    with connect_offline_live(endpoint, max_block_frames=8192, **MODEL) as session:
        output, position = [], 0
        while position < dry.shape[1]:
            block = dry[:, position : position + int(random.integers(1, 8193))]
            output.append(session.process(block))
            position += block.shape[1]
        expected = delayed_stems(dry, session.latency.total)
    assert np.allclose(np.concatenate(output, axis=2), expected, atol=1e-5)


def test_in_real_time_what_arrives_is_exact_and_the_rest_is_counted(endpoint):
    """Generous with the round trip: this machine may be busy; exactness is what is tested."""
    dry, block = noise(44100 * 2), 512
    with connect_live(endpoint, max_block_frames=block, round_trip_samples=22050, **MODEL) as live:
        output, start = [], time.monotonic()
        for at in range(0, dry.shape[1] - block, block):
            time.sleep(max(0.0, start + at / 44100 - time.monotonic()))
            output.append(live.process(dry[:, at : at + block]))
        statistics = live.statistics
        expected = delayed_stems(dry, live.latency.total)
    output = np.concatenate(output, axis=2)
    same = np.isclose(output, expected[:, :, : output.shape[2]], atol=1e-5).all(axis=(0, 1))
    assert np.count_nonzero(~same) <= statistics.late_frames + 512 * statistics.fallbacks
    assert same.mean() > 0.5
    assert statistics.round_trip_max_samples > 0


def test_changes_between_blocks(endpoint):
    dry = noise(200000)
    with connect(endpoint, profile="live", stems=["mix", "vocals"], **MODEL) as session:
        session.set(gains_db={"vocals": -120}, mute=["drums"])
        result = join(session.separate(dry))
    tail = slice(100000, 190000)
    assert np.allclose(result["mix"][:, tail], 0.25 * dry[:, tail], atol=1e-4)
    assert np.allclose(result["vocals"][:, tail], 0.5 * dry[:, tail], atol=1e-4)


def test_refusals_name_what_is_allowed(endpoint):
    with pytest.raises(UnknownProfile, match="live"):
        connect(endpoint, profile="slow", **MODEL)
    with pytest.raises(LatencyTooSmall):
        connect_live(endpoint, round_trip_samples=1, **MODEL)
    with connect(endpoint, **MODEL) as session:
        with pytest.raises((RequestRefused, IncompatibleModel)):
            session.set(model="nothing")
        assert join(session.separate(noise(9000))).frames == 9000


async def test_asyncio_gives_the_same(endpoint):
    dry = noise(50000)
    async with await connect_async(endpoint, **MODEL) as session:
        blocks = [block async for block in session.separate(dry)]
    assert np.allclose(join(blocks)["vocals"], 0.5 * dry, atol=1e-5)


def test_an_embedded_server_is_stopped_with_its_session():
    with connect(**MODEL) as session:
        server = session._server
        assert join(session.separate(noise(9000))).frames == 9000
        process = server._process._popen
        assert process.poll() is None
    assert process.poll() is not None
