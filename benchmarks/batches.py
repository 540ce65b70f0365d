"""Streams in a batch on a GPU: what a pass takes, and for each of them beside a hop on a processor.

Without a GPU the same passes run on the processor, which is no use to anybody but shows that they
do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.hop import one_thread
from dsp.networks.batched_step import BatchedJoined
from dsp.networks.bundled_networks import load_phoenix
from dsp.networks.joined_step import QUICK_GRID, JoinedStep
from dsp.networks.live_network import SPECTRUM_BINS
from dsp.networks.model_card import load_card
from dsp.networks.packing import pack_joined

_SIZES = (1, 2, 4, 8, 16)
_PASSES = 64  # a whole pattern of slow and fast levels, some times over


def measure_batches() -> dict[str, Any]:
    """Return the ``batches`` section: Phoenix's joined network in 32 bits, medians."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = load_phoenix(load_card("phoenix").weights_for("vocals"))
    with one_thread():
        alone_ms = _step_ms(JoinedStep(pack_joined(network, grid=QUICK_GRID)))
        figures: dict[str, Any] = {
            "device": torch.cuda.get_device_name()
            if device.type == "cuda"
            else "processor, no GPU",
            "alone_on_processor_ms": alone_ms,
        }
        for size in _SIZES:
            pass_ms = _pass_ms(BatchedJoined(network.to(device), QUICK_GRID, size, SPECTRUM_BINS))
            figures[f"{size:2} streams"] = {
                "pass_ms": pass_ms,
                "per_stream_over_alone": pass_ms / size / alone_ms,
            }
    return figures


def _step_ms(step: JoinedStep) -> float:
    heard, spectra = _noise(1).numpy()[:, 0]
    return _median_ms(lambda: step.push(heard, spectra))


def _pass_ms(batch: BatchedJoined) -> float:
    size = batch.streams
    noise = _noise(size).to(batch.device)
    active = torch.ones(size, dtype=torch.bool, device=batch.device)
    # What comes back to the processor has been computed: no other wait is needed.
    return _median_ms(lambda: batch.push(noise, active).cpu())


def _median_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(_PASSES):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


def _noise(streams: int) -> torch.Tensor:
    return torch.randn(2, streams, 2, SPECTRUM_BINS, dtype=torch.complex64)
