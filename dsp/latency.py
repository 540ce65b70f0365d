"""The algorithmic latency of a stream: named terms, one function each, a sum.

All in samples at the host's rate. The promise: host sample ``n`` is out once ``n + total`` samples
are in, for every partition of the input and every position; and some sample does need that many.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from dsp.resample import RateRatio
from dsp.separator import Profile


@dataclass(frozen=True, slots=True)
class AlgorithmicLatency:
    """Where each sample of a stream's algorithmic latency comes from."""

    hop: int
    synthesis_overlap: int
    look_ahead: int
    resampler: int

    @property
    def total(self) -> int:
        """Samples that must be in beyond a sample before that sample is out."""
        return sum(astuple(self))


def algorithmic_latency(
    profile: Profile, to_model: RateRatio, to_host: RateRatio
) -> AlgorithmicLatency:
    """Collect the terms for a profile behind a pair of resamplers."""
    return AlgorithmicLatency(
        hop=hop_samples(profile, to_model),
        synthesis_overlap=synthesis_overlap_samples(profile, to_model),
        look_ahead=look_ahead_samples(profile, to_model),
        resampler=resampler_samples(profile, to_model, to_host),
    )


def hop_samples(profile: Profile, to_model: RateRatio) -> int:
    """Give the time a sample may wait until its hop is full."""
    return _host_samples(profile.hop_samples, to_model)


def synthesis_overlap_samples(profile: Profile, to_model: RateRatio) -> int:
    """Give the time until the last synthesis window over a sample is in."""
    return _host_samples(profile.synthesis_overlap_samples, to_model)


def look_ahead_samples(profile: Profile, to_model: RateRatio) -> int:
    """Give the time the model waits for what comes next."""
    return _host_samples(profile.look_ahead_samples, to_model)


def resampler_samples(profile: Profile, to_model: RateRatio, to_host: RateRatio) -> int:
    """Give what both resamplers add to the other terms, in the worst case over all positions."""
    others = (
        hop_samples(profile, to_model)
        + synthesis_overlap_samples(profile, to_model)
        + look_ahead_samples(profile, to_model)
    )
    return worst_case_samples(profile, to_model, to_host) - others


def worst_case_samples(profile: Profile, to_model: RateRatio, to_host: RateRatio) -> int:
    """Find the exact worst case: the first host sample of every hop, over one period of the rates.

    Hop boundaries meet the host's grid in at most ``up`` different ways, so all of them are tried.
    """
    hop, delay = profile.hop_samples, profile.delay_samples
    up, down = to_model.up, to_model.down
    boundary = np.arange(up, dtype=np.int64) * hop
    # The first host sample whose filter reaches a model sample that this boundary does not give
    # yet.
    model_position = boundary - delay - to_host.half_width_samples
    first_host = -(-model_position * down // up)
    # The host samples that the last model sample of the next hop needs.
    needed = (boundary + hop - 1) * down // up + to_model.half_width_samples + 1
    return int((needed - first_host).max())


def _host_samples(model_samples: int, to_model: RateRatio) -> int:
    return -(-model_samples * to_model.down // to_model.up)
