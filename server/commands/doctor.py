"""``phoenix-stems doctor``: what works on this machine, and how small the latency may be."""

from __future__ import annotations

import ctypes.util
import math
import os
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsp.errors import DspError
from dsp.networks.quantised_linear import has_quantised
from dsp.networks.registry import DEFAULT_MODEL, load_model
from server.commands.json_output import add_json_argument, write_json
from server.errors import EndpointInUseError, StartError
from server.security.listening import default_endpoint, prepare_endpoint

if TYPE_CHECKING:
    import argparse

    from dsp.networks.registry import Model
    from dsp.separator import Profile

BLOCK_FRAMES = 256
LIVE_FORMS = ("live", "live-light")  # the second where the first does not hold, or for many
_MEASURED_SECONDS = 4.0  # of audio
_WARM_UP_HOPS = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that works or not, and what to do about it."""

    name: str
    works: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Performance:
    """A live profile's cost on this machine, one thread, otherwise idle."""

    model: str
    profile: str
    hop_ms: float
    p50_ms: float
    p99_ms: float
    realtime_factor: float
    smallest_latency_samples: int  # at the model's rate, blocks of BLOCK_FRAMES

    @property
    def holds(self) -> bool:
        """Whether live separation keeps up at all."""
        return self.p99_ms < self.hop_ms


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor", help="tell what works on this machine"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="model to measure")
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; returns 0 when live separation works, else 1."""
    findings = [_cores(), _eight_bits(), _ipc(), _jack(), _gpu()]
    performances: list[Performance] = []
    try:
        model = load_model(arguments.model)
        performances = [measure(model, name) for name in LIVE_FORMS if name in model.profiles]
        findings.append(Finding("weights", True, arguments.model))
        findings += [_speed(performance) for performance in performances]
    except DspError as error:
        findings.append(Finding("weights", False, str(error)))
    for finding in findings:
        print(f"{'ok' if finding.works else 'no':<4}{finding.name:<10}{finding.detail}")
    write_json(arguments.json, _as_json(findings, performances))
    return 0 if performances and performances[0].holds else 1


def measure(model: Model, profile_name: str = "live") -> Performance:
    """Run a live profile for some seconds of audio on one thread and time every hop."""
    torch.set_num_threads(1)
    separator = model.separator(profile_name)
    profile = separator.profile
    hops = round(_MEASURED_SECONDS * separator.rate_hz / profile.hop_samples)
    audio = np.random.default_rng(0).standard_normal((2, profile.hop_samples), np.float32)
    seconds = []
    for _ in range(_WARM_UP_HOPS + hops):
        started = time.perf_counter()
        separator.push(audio * np.float32(0.1))
        seconds.append(time.perf_counter() - started)
    times_ms = 1000 * np.array(seconds[_WARM_UP_HOPS:])
    p99_ms = float(np.percentile(times_ms, 99))
    hop_ms = 1000 * profile.hop_samples / separator.rate_hz
    return Performance(
        model.name,
        profile.name,
        hop_ms,
        float(np.median(times_ms)),
        p99_ms,
        float(times_ms.mean() / hop_ms),
        smallest_latency_samples(profile, p99_ms, separator.rate_hz),
    )


def smallest_latency_samples(profile: Profile, p99_ms: float, rate_hz: int) -> int:
    """Return the algorithmic latency, one block, and the slowest hop rounded up to blocks."""
    blocks = max(1, math.ceil(p99_ms * rate_hz / 1000 / BLOCK_FRAMES))
    return profile.algorithmic_latency_samples + BLOCK_FRAMES + blocks * BLOCK_FRAMES


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    advice = "" if cores >= 2 else "; two keep audio and inference apart"
    return Finding("cores", cores >= 2, f"{cores}{advice}")


def _eight_bits() -> Finding:
    if has_quantised():
        return Finding("int8", True, "AVX512-VNNI; Phoenix live computes in eight bits")
    return Finding("int8", False, "no AVX512-VNNI; Phoenix live computes in 32 bits")


def _ipc() -> Finding:
    endpoint = default_endpoint()
    try:
        prepare_endpoint(endpoint)
    except EndpointInUseError:
        return Finding("ipc", True, f"{endpoint}, where a server is running")
    except StartError as error:
        return Finding("ipc", False, str(error))
    return Finding("ipc", True, endpoint)


def _jack() -> Finding:
    if find_spec("jack") is None:
        return Finding("jack", False, "needed by live only: pip install 'phoenix-stems[jack]'")
    if ctypes.util.find_library("jack") is None:
        return Finding(
            "jack", False, "needed by live only: install libjack (apt: libjack-jackd2-0)"
        )
    return Finding("jack", True, "client library found")


def _gpu() -> Finding:
    if torch.cuda.is_available():
        return Finding("gpu", True, f"{torch.cuda.get_device_name(0)} (not needed)")
    return Finding("gpu", False, "none; not needed")


def _speed(performance: Performance) -> Finding:
    rate_ms = performance.hop_ms / performance.p99_ms
    detail = (
        f"{performance.profile} hop of {performance.hop_ms:.1f} ms takes "
        f"{performance.p50_ms:.1f} ms, p99 {performance.p99_ms:.1f} ms; "
        f"real-time factor {performance.realtime_factor:.2f}; "
        f"smallest latency expected to hold: {performance.smallest_latency_samples} samples"
    )
    return Finding("speed", rate_ms > 1, detail)


def _as_json(findings: list[Finding], performances: list[Performance]) -> dict[str, Any]:
    return {
        "findings": [asdict(finding) for finding in findings],
        "performance": [asdict(performance) for performance in performances],
    }
