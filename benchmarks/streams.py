"""Many live streams on one server: one to as many as it takes, and what a batch would bring."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.core_stalls import Witnesses, beside_stalls
from benchmarks.hop import one_thread
from benchmarks.products import Product, noted_products
from benchmarks.soak_players import Player
from dsp.networks.packing import pack_unet
from dsp.networks.products import multiply
from dsp.networks.rocknet_live import GRID
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_weights import untrained_weights
from plugin_bridge import EmbeddedServer

_MOST_STREAMS = 32
_START_S = 60.0
_BATCHES = (1, 2, 4, 8)
_ROUNDS = 15


def measure_streams(
    seconds: float, model: str, profile: str = "live", streams: int | None = None
) -> dict[str, Any]:
    """Return the ``streams`` section: the curve, and products in batches per stream.

    With a number of ``streams``, what these take alone.
    """
    if streams is not None:
        return {"curve": _curve([streams], seconds, model, profile)}
    numbers = range(1, _MOST_STREAMS + 1)
    return {"curve": _curve(numbers, seconds, model, profile), "batching": measure_batching()}


def _curve(numbers: Iterable[int], seconds: float, model: str, profile: str) -> dict[str, Any]:
    """Play each number of streams for so long, until the server refuses one more."""
    rows: dict[str, Any] = {}
    with EmbeddedServer(model=model, profile=profile) as server:
        for streams in numbers:
            witnesses = Witnesses()
            with witnesses.watching():
                player = Player(server.endpoint, streams, seconds, model, profile)
                player.has_ended.wait(_START_S + 2 * seconds)
                player.kill()
            heard = player.heard
            if not heard.get("done"):
                rows["limit"] = heard.get("refused", "the clients ended")
                return rows
            rows[f"{streams:2} streams"] = _row(player.lines, witnesses, streams, seconds)
    return rows


def _row(
    lines: list[dict[str, Any]], witnesses: Witnesses, streams: int, seconds: float
) -> dict[str, Any]:
    heard = lines[-1]
    return beside_stalls(lines, witnesses) | {
        "late_blocks": heard["late_blocks"],
        "host_xruns": heard["host_xruns"],
        "core_share_per_stream": heard["compute_s"] / streams / seconds,
        "round_trip_max_ms": max(line.get("round_trip_max_ms", 0.0) for line in lines),
    }


def measure_batching() -> dict[str, float]:
    """Return milliseconds per stream and hop of Rocknet live's products, with rows of B streams.

    The same products as in the streaming step, with the rows of several streams stacked: the most
    that batching can bring, as what lies between the products is done for each stream anyway.
    """
    with one_thread():
        stream = StreamingUNet(pack_unet(untrained_weights()), GRID)
        noise = _noise(stream)
        hops = [noted_products(lambda: stream.push(noise)) for _ in range(GRID.deep_period)]
        figures = {
            f"products_ms_batch_{batch}": float(np.mean([_time_ms(hop, batch) for hop in hops]))
            for batch in _BATCHES
        }
        figures["whole_hop_ms"] = float(np.mean([_hop_ms(stream) for _ in range(4)]))
    return figures


def _time_ms(products: list[Product], batch: int) -> float:
    """Return the least time of all products with rows of ``batch`` streams, per stream."""
    stacked = [(product.weights, np.tile(product.rows, (batch, 1))) for product in products]
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for weights, rows in stacked:
            multiply(weights, rows.reshape(-1), weights.inputs, len(rows))
        times.append(time.perf_counter() - started)
    return 1e3 * min(times) / batch


def _hop_ms(stream: StreamingUNet) -> float:
    """Return the mean time of the pattern's hops, as far as nothing else disturbed them."""
    noise = _noise(stream)
    times = np.zeros((_ROUNDS, GRID.deep_period))
    for index in np.ndindex(*times.shape):
        started = time.perf_counter()
        stream.push(noise)
        times[index] = time.perf_counter() - started
    return float(1e3 * times.min(axis=0).mean())


def _noise(stream: StreamingUNet) -> np.ndarray[Any, np.dtype[np.float32]]:
    shape = (stream.packed.channels[0], stream.packed.bins)
    return np.random.default_rng(0).random(shape, np.float32)
