"""``phoenix-stems doctor``: what works on this machine, and how small the latency may be."""

from __future__ import annotations

import ctypes.util
import os
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import DspError
from dsp.networks.byte_products import Instructions, available_instructions
from dsp.networks.registry import DEFAULT_MODEL, load_model
from plugin_bridge import BridgeError, EmbeddedServer, connect_live
from server.commands.bench import positive_seconds
from server.commands.json_output import add_json_argument, write_json
from server.commands.rehearsal import REHEARSAL_S, rehearse
from server.errors import EndpointInUseError, StartError
from server.security.listening import default_endpoint, prepare_endpoint

if TYPE_CHECKING:
    import argparse

    from dsp.networks.registry import Model

BLOCK_FRAMES = 256
LIVE_FORMS = ("live", "live-light", "live-short")  # for slow machines or many; for less latency
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
    rate_hz: int
    hop_ms: float
    p50_ms: float
    p99_ms: float
    realtime_factor: float
    smallest_latency_samples: int | None = None  # at the model's rate, blocks of BLOCK_FRAMES

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
    parser.add_argument(
        "--seconds",
        type=positive_seconds,
        default=REHEARSAL_S,
        help=f"of each rehearsal [{REHEARSAL_S:g}]",
    )
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
        performances = [_rehearsed(model, each, arguments.seconds) for each in performances]
        findings += [_latency(performance) for performance in performances]
    except DspError as error:
        findings.append(Finding("weights", False, str(error)))
    except BridgeError as error:
        findings.append(Finding("latency", False, str(error)))
    for finding in findings:
        print(f"{'ok' if finding.works else 'no':<4}{finding.name:<10}{finding.detail}")
    write_json(arguments.json, _as_json(findings, performances))
    works = bool(performances) and performances[0].smallest_latency_samples is not None
    return 0 if works else 1


def measure(model: Model, profile_name: str = "live") -> Performance:
    """Run a live profile for some seconds of audio on one thread and time every hop."""
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
        separator.rate_hz,
        hop_ms,
        float(np.median(times_ms)),
        p99_ms,
        float(times_ms.mean() / hop_ms),
    )


def _rehearsed(model: Model, performance: Performance, seconds: float) -> Performance:
    """Add the smallest latency that held in a rehearsal, if any can."""
    if not performance.holds:
        return performance
    rate_hz = performance.rate_hz
    with EmbeddedServer(model=model.name, profile=performance.profile) as server:
        connect = partial(
            connect_live,
            server.endpoint,
            rate_hz=rate_hz,
            max_block_frames=BLOCK_FRAMES,
            model=model.name,
            profile=performance.profile,
        )
        found = rehearse(connect, rate_hz=rate_hz, block_frames=BLOCK_FRAMES, seconds=seconds)
    return replace(
        performance, smallest_latency_samples=None if found.late_blocks else found.latency_samples
    )


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    advice = "" if cores >= 2 else "; two keep audio and inference apart"
    return Finding("cores", cores >= 2, f"{cores}{advice}")


def _eight_bits() -> Finding:
    there = available_instructions()
    if there:
        return Finding("int8", True, f"{there[0].label}; Phoenix live computes in eight bits")
    known = ", ".join(instructions.label for instructions in Instructions)
    return Finding("int8", False, f"none of {known}; Phoenix live computes in 32 bits")


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
    import torch  # noqa: PLC0415 -- takes seconds

    if torch.cuda.is_available():
        return Finding("gpu", True, f"{torch.cuda.get_device_name(0)} (not needed)")
    return Finding("gpu", False, "none; not needed")


def _speed(performance: Performance) -> Finding:
    rate_ms = performance.hop_ms / performance.p99_ms
    detail = (
        f"{performance.profile} hop of {performance.hop_ms:.1f} ms takes "
        f"{performance.p50_ms:.1f} ms, p99 {performance.p99_ms:.1f} ms; "
        f"real-time factor {performance.realtime_factor:.2f}"
    )
    return Finding("speed", rate_ms > 1, detail)


def _latency(performance: Performance) -> Finding:
    smallest = performance.smallest_latency_samples
    if smallest is None:
        return Finding("latency", False, f"{performance.profile}: none held in a rehearsal")
    milliseconds = 1000 * smallest / performance.rate_hz
    detail = (
        f"{performance.profile}: {smallest} samples ({milliseconds:.1f} ms) held in a rehearsal, "
        f"blocks of {BLOCK_FRAMES}, a quarter of the round trip to spare"
    )
    return Finding("latency", True, detail)


def _as_json(findings: list[Finding], performances: list[Performance]) -> dict[str, Any]:
    return {
        "findings": [asdict(finding) for finding in findings],
        "performance": [asdict(performance) for performance in performances],
    }
