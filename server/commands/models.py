"""``phoenix-stems models``: what can be opened, and at what latency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsp.networks.registry import available_models
from server.commands.json_output import add_json_argument, write_json

if TYPE_CHECKING:
    import argparse

    from dsp.networks.registry import ModelDescription
    from dsp.separator import Profile


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "models", help="list the models and their profiles"
    )
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one row per model and profile; returns the exit code."""
    models = available_models()
    print(f"{'model':<14}{'profile':<14}{'latency':>14}  stems")
    for model in models:
        for profile in model.profiles.values():
            latency = _latency(profile, model.rate_hz)
            print(f"{model.name:<14}{profile.name:<14}{latency:>14}  {', '.join(model.stems)}")
    write_json(arguments.json, [_as_json(model) for model in models])
    return 0


def _latency(profile: Profile, rate_hz: int) -> str:
    samples = profile.algorithmic_latency_samples
    return f"{samples * 1000 / rate_hz:.1f} ms"


def _as_json(model: ModelDescription) -> dict[str, Any]:
    return {
        "name": model.name,
        "summary": model.summary,
        "stems": list(model.stems),
        "rate_hz": model.rate_hz,
        "profiles": {
            profile.name: {
                "algorithmic_latency_samples": profile.algorithmic_latency_samples,
                "hop_samples": profile.hop_samples,
                "synthesis_overlap_samples": profile.synthesis_overlap_samples,
                "look_ahead_samples": profile.look_ahead_samples,
                "mask_lag_hops": profile.mask_lag_hops,
                "lane": profile.lane.value,
            }
            for profile in model.profiles.values()
        },
    }
