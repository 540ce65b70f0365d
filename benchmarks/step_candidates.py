"""Ways to compute the trunk's hop, beside each other: plain, compiled, exported, and ours.

All but ours run ``PhoenixTrunk`` itself, its state handed in and out. A graph has no branches, so
there is one for each number of levels that run at a hop. Products of ours in eight bits are those
of four million multiplications and more, ONNX Runtime's are all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import accumulate
from operator import mul
from pathlib import Path
from shutil import which
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.hop import one_thread
from benchmarks.ratios_pairs import PHOENIX_PERIOD_HOPS
from dsp.networks.linear import LinearKind
from dsp.networks.packing import pack_phoenix
from dsp.networks.phoenix_network import PhoenixNetwork, live_network
from dsp.networks.phoenix_shape import BINS, CHANNELS, PhoenixConfig
from dsp.networks.phoenix_step import TrunkStep
from dsp.networks.phoenix_trunk import LevelState, PhoenixTrunk, TrunkState
from dsp.networks.products import has_bytes

FloatArray = npt.NDArray[np.float32]
Graph = Callable[..., Sequence[Tensor]]
Period = Callable[[FloatArray], FloatArray]
"""Magnitudes [hop, channel, bin] of a whole pattern of levels, to their masks."""

_ROUNDS = 15
_COMPILERS = ("g++", "clang++")
_EXTRA = ("onnx", "onnxruntime", "onnxscript")


def measure_candidates(rounds: int = _ROUNDS) -> dict[str, object]:
    """Return the ``candidates`` section: a hop of each, over ours, and its error against plain.

    Taken in turn, the least of all rounds each, of the thread's processor time. What cannot run
    here is named with what it lacks.
    """
    torch.manual_seed(0)
    network = live_network(PhoenixConfig()).eval().requires_grad_(requires_grad=False)
    candidates, absent = make_candidates(network)
    magnitudes = np.random.default_rng(0).random((PHOENIX_PERIOD_HOPS, CHANNELS, BINS), np.float32)
    with one_thread(), torch.inference_mode():
        masks = {name: period(magnitudes) for name, period in candidates.items()}
        costs_s = dict.fromkeys(candidates, np.inf)
        for _ in range(rounds):
            for name, period in candidates.items():
                costs_s[name] = min(costs_s[name], _cost_s(period, magnitudes))
    figures: dict[str, object] = {
        name: {
            "hop_ms": 1e3 * cost_s / PHOENIX_PERIOD_HOPS,
            "over_ours": cost_s / costs_s["ours"],
            "largest_error": float(np.abs(masks[name] - masks["plain torch"]).max()),
        }
        for name, cost_s in costs_s.items()
    }
    return figures | absent


def make_candidates(network: PhoenixNetwork) -> tuple[dict[str, Period], dict[str, str]]:
    """Make all that this machine can run, and say of the others what is missing."""
    trunk = network.trunk
    candidates: dict[str, Period] = {"ours": _ours(network, LinearKind.FLOAT32)}
    absent: dict[str, str] = {}
    if has_bytes():
        candidates["ours, eight bits"] = _ours(network, LinearKind.EIGHT_BITS)
    else:
        absent["ours, eight bits"] = "neither AMX nor VNNI"
    candidates["plain torch"] = Stream(trunk, lambda graph: graph)
    if any(map(which, _COMPILERS)):
        candidates["torch.compile"] = Stream(
            trunk, lambda graph: torch.compile(graph, dynamic=False)
        )
    else:
        absent["torch.compile"] = f"no {' or '.join(_COMPILERS)}"
    missing = [name for name in _EXTRA if find_spec(name) is None]
    for name, quantise in (("ONNX Runtime", False), ("ONNX Runtime, eight bits", True)):
        if missing:
            absent[name] = f"not installed: {', '.join(missing)}"
        else:
            candidates[name] = Stream(trunk, _exporter(trunk, quantise=quantise))
    return candidates, absent


class TrunkGraph(nn.Module):
    """One hop of the trunk at which its first ``running`` levels run, as a function of its state.

    Maps magnitudes [1, channel, 1, bin], the mask's past, the running levels' pasts and the answer
    that the level below them holds to logits, the new past of each, and the new answers.
    """

    def __init__(self, trunk: PhoenixTrunk, running: int) -> None:
        super().__init__()
        self._trunk, self.running = trunk, running

    def forward(
        self, magnitudes: Tensor, mask_past: Tensor, *pasts_and_held: Tensor
    ) -> list[Tensor]:
        """Move the state on by one hop."""
        running = self.running
        levels = self._trunk.initial_state().levels
        for level, past in zip(levels, pasts_and_held[:running], strict=False):
            level.past, level.until_tick = past, 0
        if running < len(levels):
            levels[running] = LevelState(None, pasts_and_held[running], until_tick=1)
        state = TrunkState(levels, mask_past)
        logits = self._trunk(magnitudes, state)
        done = levels[:running]
        moved = [state.mask_past, *(level.past for level in done), *(level.held for level in done)]
        return [logits, *cast("list[Tensor]", moved)]


class Stream:
    """A period of hops through graphs, from silence; ``prepare`` makes of each what is run."""

    def __init__(self, trunk: PhoenixTrunk, prepare: Callable[[TrunkGraph], Graph]) -> None:
        self._running = [levels_running(trunk, hop) for hop in range(PHOENIX_PERIOD_HOPS)]
        self._graphs = {n: prepare(TrunkGraph(trunk, n).eval()) for n in {*self._running}}
        self._silence = state_of_silence(trunk)

    def __call__(self, magnitudes: FloatArray) -> FloatArray:
        """Push the period's hops; their masks [hop, channel, bin]."""
        mask_past, pasts, held = self._silence
        pasts, held = [*pasts], [*held]
        masks = []
        for running, frame in zip(self._running, torch.from_numpy(magnitudes), strict=True):
            given = (*pasts[:running], *held[running : running + 1])
            logits, mask_past, *moved = self._graphs[running](
                frame[None, :, None], mask_past, *given
            )
            pasts[:running], held[:running] = moved[:running], moved[running:]
            masks.append(torch.sigmoid(logits)[0, :, 0].numpy())
        return np.stack(masks)


def levels_running(trunk: PhoenixTrunk, hop: int) -> int:
    """How many levels, from the top, run at a hop of a stream that began at hop 0."""
    apart = accumulate((level.apart for level in trunk.stack), mul)
    return sum(hop % hops == 0 for hops in apart)


def state_of_silence(trunk: PhoenixTrunk) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return the mask's past, every level's past and every level's answer before any sound."""
    state = trunk.initial_state()
    with torch.inference_mode():
        trunk(torch.zeros(1, CHANNELS, 1, BINS), state)
    pasts = [torch.zeros_like(cast("Tensor", level.past)) for level in state.levels]
    held = [torch.zeros_like(level.held) for level in state.levels]
    return torch.zeros_like(cast("Tensor", state.mask_past)), pasts, held


def _ours(network: PhoenixNetwork, kind: LinearKind) -> Period:
    packed = pack_phoenix(network, kind)
    step = TrunkStep(packed)

    def push(magnitudes: FloatArray) -> FloatArray:
        step.reset()
        masks = [step.listen(frame).T for frame in magnitudes.astype(np.complex64)]
        return np.stack(masks)

    return push


def _exporter(trunk: PhoenixTrunk, *, quantise: bool) -> Callable[[TrunkGraph], Graph]:
    """Return what exports a graph and gives it to ONNX Runtime, on one thread."""
    import onnxruntime  # noqa: PLC0415 -- with onnxscript an extra of its own
    from onnxruntime.quantization import quantize_dynamic  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    mask_past, pasts, held = state_of_silence(trunk)

    def export(graph: TrunkGraph) -> Graph:
        given = (torch.zeros(1, CHANNELS, 1, BINS), mask_past, *pasts[: graph.running])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "graph.onnx"
            resting = held[graph.running : graph.running + 1]
            torch.onnx.export(graph, (*given, *resting), file, dynamo=True, verbose=False)
            if quantise:
                quantize_dynamic(file, file)
            session = onnxruntime.InferenceSession(
                file, options, providers=["CPUExecutionProvider"]
            )
        names = [entry.name for entry in session.get_inputs()]

        def run(*tensors: Tensor) -> list[Tensor]:
            feed = {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}
            return [torch.from_numpy(array) for array in session.run(None, feed)]

        return run

    return export


def _cost_s(period: Period, magnitudes: FloatArray) -> float:
    started = time.thread_time()
    period(magnitudes)
    return time.thread_time() - started
