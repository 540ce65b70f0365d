"""Promises that many tests elsewhere hold in detail, in one figure each."""

import sys
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from server_client import noise, running_server

from dsp.networks.live_network import LiveNetwork
from dsp.networks.packing import pack_unet
from dsp.networks.rocknet_live import RocknetStep
from dsp.networks.unet_weights import untrained_weights
from dsp.pipeline import StreamPipeline
from plugin_bridge import connect_offline_live
from protocol import LimitExceeded, decode, encode

sys.path.append(str(Path(__file__).parents[1] / "unit" / "protocol"))

from test_protocol_limits import GENEROUS, SIZED, SMALL

FRAMES = 32_768
CHUNKS = (1, 16, 17, 256, 2027, 8192, 16_384)
RELATIVE = 1e-5


@pytest.fixture(scope="module")
def network():
    return pack_unet(untrained_weights((2, 2, 3, 3, 4, 4), seed=2))


def streamed(network, dry, sizes):
    """Return the stems of a whole signal that came in blocks of these sizes, cyclically."""
    stems = ("vocals", "instrumental")
    pipeline = StreamPipeline(
        LiveNetwork(RocknetStep(network)),
        rate_hz=44100,
        channels=2,
        model_stems=stems,
        max_block_frames=16_384,
    )
    repeats = -(-dry.shape[1] // sum(sizes))
    edges = np.minimum(np.cumsum([0, *(sizes * repeats)]), dry.shape[1])
    blocks = [
        block
        for first, last in pairwise(edges.tolist())
        if last > first
        for block in pipeline.push(first, dry[:, first:last])
    ]
    return np.concatenate([block.samples for block in (*blocks, *pipeline.flush())], axis=-1)


def test_streaming_is_offline_for_any_chunking(network, figure):
    dry, draw = noise(FRAMES), np.random.default_rng(3)
    offline = streamed(network, dry, [FRAMES])
    partitions = [[size] for size in CHUNKS if size > 1]
    partitions += [draw.integers(1, 16_385, 50).tolist(), [1] * 700 + [2027, 17, 16_384]]
    errors = [
        np.abs(streamed(network, dry, sizes) - offline).max() / np.abs(offline).max()
        for sizes in partitions
    ]
    changed = dry.copy()
    changed[:, FRAMES // 2 :] = noise(FRAMES, seed=9)[:, FRAMES // 2 :]
    earlier = streamed(network, changed, [256])[:, :, : FRAMES // 2 - 1024]
    moved = int(
        np.count_nonzero(earlier != streamed(network, dry, [256])[:, :, : FRAMES // 2 - 1024])
    )
    figure(
        "streaming = offline",
        partitions=len(partitions),
        largest_relative_error=f"{max(errors):.1e}",
        earlier_samples_moved_by_later_input=moved,
    )
    assert max(errors) <= RELATIVE
    assert moved == 0


def test_reported_latency_is_measured_at_every_rate(tmp_path, figure):
    rates, sizes = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000), (16, 256, 8192)
    with running_server(tmp_path) as server:
        errors = [latency_error(server.endpoint, *case) for case in product(rates, sizes)]
    figure(
        "reported latency = measured",
        rates=len(rates),
        blocks=" ".join(map(str, sizes)),
        largest_difference_samples=max(errors),
    )
    assert errors == [0] * len(errors)


def latency_error(endpoint, rate_hz, size):
    """Return by how many samples an impulse comes out elsewhere than reported."""
    at = 1000
    with connect_offline_live(
        endpoint, rate_hz=rate_hz, max_block_frames=size, model="fixed-gains"
    ) as session:
        latency = session.latency.total
        frames = -(-(latency + 2 * at) // size) * size
        dry = np.zeros((2, frames), np.float32)
        dry[:, at] = 1
        output = np.concatenate(
            [session.process(dry[:, start : start + size]) for start in range(0, frames, size)],
            axis=2,
        )
    return abs(int(np.argmax(np.abs(output.sum(axis=0)[0]))) - (at + latency))


def test_every_limit_at_n_and_one_more(figure):
    codes = []
    for _, bound, make in SIZED.values():
        assert decode(encode(make(bound), SMALL), SMALL)
        with pytest.raises(LimitExceeded) as refusal:
            decode(encode(make(bound + 1), GENEROUS), SMALL)
        codes.append(refusal.value.code)
    figure("limits", at_n="accepted", at_one_more=" ".join(sorted(set(codes))), limits=len(SIZED))
    assert set(codes) == {"E102"}
