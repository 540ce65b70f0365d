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
from benchmarks.products import noted_products, product_rate, quantised_product_rate
from benchmarks.song import bundled_song
from dsp.networks.registry import load_model
from dsp.networks.rocknet_packed import pack
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
        bound_ms = arithmetic_bound_ms(separator.push, hops[:_BOUND_HOPS])
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
        if bound_ms:  # a model without a network has no products
            figures["arithmetic_bound_ms"] = bound_ms
            figures["over_arithmetic_bound"] = float(times_ms.mean()) / bound_ms
        return figures


def arithmetic_bound_ms(push: Callable[[FloatArray], object], hops: FloatArray) -> float:
    """Mean time of a hop's matrix products alone, had they the rate of the best of their kind."""
    products = noted_products(lambda: [push(hop) for hop in hops])
    plain = sum(product.operations for product in products if not product.weights.is_quantised)
    quantised = sum(product.operations for product in products if product.weights.is_quantised)
    seconds = plain / product_rate()
    if quantised:
        seconds += quantised / quantised_product_rate()
    return 1e3 * seconds / len(hops)


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
    stream = StreamingUNet(pack(weights))
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
