"""What one live hop costs, and what the same hop would cost by re-running the whole window."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.busy_thread import busy_thread
from benchmarks.products import (
    halved_product_rate,
    noted_products,
    product_rate,
    quantised_product_rate,
    read_rate,
)
from benchmarks.song import bundled_song
from dsp.networks.packing import pack_unet
from dsp.networks.products import Arithmetic
from dsp.networks.registry import load_model
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet import unet_mask
from dsp.networks.unet_weights import untrained_weights
from server.commands.serve import SWITCH_INTERVAL_S

FloatArray = npt.NDArray[np.float32]

_WARM_UP_HOPS = 64
_BOUND_HOPS = 64  # a whole pattern of slow and fast levels, some times over
_BUSY_HOPS = 400
_WINDOW_FRAMES = 344  # 8 s of the network's 1024-sample frames


def measure_hop(seconds: float, model: str = "rocknet", profile: str = "live") -> dict[str, float]:
    """Return the ``hop`` section: a profile on real music, on one thread.

    ``seconds`` of audio go through the separator hop by hop, as the server pushes them.
    """
    with one_thread():
        separator = load_model(model).separator(profile)
        hop_samples = separator.profile.hop_samples
        hops = _hops(hop_samples, round(seconds * separator.rate_hz / hop_samples))
        times_ms = _time_each(separator.push, hops)
        hop_ms = 1e3 * hop_samples / separator.rate_hz
        bounds = bounds_ms(separator.push, hops[:_BOUND_HOPS])
        p50, p95, p99 = np.percentile(times_ms, (50, 95, 99))
        figures = {
            "p50_ms": float(p50),
            "p95_ms": float(p95),
            "p99_ms": float(p99),
            "max_ms": float(times_ms.max()),
            "hop_ms": hop_ms,
            "realtime_factor_1_thread": float(times_ms.mean()) / hop_ms,
            "busy_over_alone": busy_over_alone(separator.push, hops, float(p50)),
            "windowed_over_streaming": windowed_over_streaming(),
        }
        for name, bound in bounds.items():
            figures[f"{name}_bound_ms"] = bound
            figures[f"over_{name}_bound"] = float(times_ms.mean()) / bound
        return figures


def bounds_ms(push: Callable[[FloatArray], object], hops: FloatArray) -> dict[str, float]:
    """Mean time of a hop's matrix products alone, at the best this core can do.

    ``arithmetic``: had they the rate of the best product of their kind. ``roofline``: each of them
    that, or the time to read its weights from memory where that takes longer; a hop's weights are
    more than the second cache holds. None for a model without products.

    Reference: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model
    for multicore architectures", CACM 52 (2009).
    """
    products = noted_products(lambda: [push(hop) for hop in hops])
    if not products:
        return {}
    rates = {
        Arithmetic.FLOAT32: product_rate,
        Arithmetic.BFLOAT16: halved_product_rate,
        Arithmetic.EIGHT_BITS: quantised_product_rate,
    }
    per_s = {kind: rates[kind]() for kind in {p.weights.arithmetic for p in products}}
    computing = [p.operations / per_s[p.weights.arithmetic] for p in products]
    bytes_per_s = read_rate()
    reading = [product.weight_bytes / bytes_per_s for product in products]
    longer = map(max, computing, reading)
    per_hop = 1e3 / len(hops)
    return {"arithmetic": per_hop * sum(computing), "roofline": per_hop * sum(longer)}


def busy_over_alone(
    push: Callable[[FloatArray], object], hops: FloatArray, alone_ms: float
) -> float:
    """Median hop beside a thread that is busy in Python, with the server's switches, over alone."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        with busy_thread():
            return float(np.median(_time_each(push, hops[:_BUSY_HOPS]))) / alone_ms
    finally:
        sys.setswitchinterval(before)


def windowed_over_streaming(rounds: int = 20) -> float:
    """Cost of re-running the exact network over 8 s, over the cost of one exact streaming step.

    Both give the mask of the same newest frame and nothing else. Taken in turn, medians.
    """
    weights = untrained_weights()
    stream = StreamingUNet(pack_unet(weights))
    generator = np.random.default_rng(0)
    window = generator.random((1, 2, _WINDOW_FRAMES, stream.packed.bins), np.float32)
    newest = np.ascontiguousarray(window[0, :, -1])
    rerun_input, last = torch.from_numpy(window), range(_WINDOW_FRAMES - 1, _WINDOW_FRAMES)
    rerun, step = np.median(
        [
            (_ms(lambda: unet_mask(weights, rerun_input, last)), _ms(lambda: stream.push(newest)))
            for _ in range(rounds)
        ],
        axis=0,
    )
    return float(rerun / step)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch on the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _hops(hop_samples: int, count: int) -> FloatArray:
    """Return the bundled song, repeated as often as needed: [hop, channel, sample]."""
    mixture = bundled_song().mixture
    needed = (count + _WARM_UP_HOPS) * hop_samples
    repeated = np.tile(mixture, -(-needed // mixture.shape[1]))[:, :needed]
    hops = repeated.reshape(mixture.shape[0], -1, hop_samples).swapaxes(0, 1)
    return np.ascontiguousarray(hops)


def _time_each(push: Callable[[FloatArray], object], hops: FloatArray) -> npt.NDArray[np.float64]:
    """Return milliseconds per hop, the warm-up hops left out."""
    for hop in hops[:_WARM_UP_HOPS]:
        push(hop)
    return np.array([_ms(partial(push, hop)) for hop in hops[_WARM_UP_HOPS:]])


def _ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3
