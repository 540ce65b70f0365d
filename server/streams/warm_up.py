"""Running a separator before anybody waits for it: compiles, touches memory, and times a hop.

What other programs do meanwhile must not look like the model's cost, so each hop is timed several
times over and the best time counts; multi-rate networks do not work equally hard on every hop, so
the costliest of the hops counts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dsp.separator import Separator

PHASES = 32  # hops after which the pattern of every multi-rate network repeats
REPETITIONS = 8  # at most: all of it in `BUDGET_S`
BUDGET_S = 0.3  # a slow profile is timed by fewer hops
_LEVEL = 0.1  # of the noise; a network does the same work for any


def measure_hops(separator: Separator) -> list[float]:
    """Return the times of the pattern's hops, undisturbed, in seconds; leaves it reset."""
    hop = separator.profile.hop_samples
    noise = np.random.default_rng(0).standard_normal((2, hop), np.float32) * np.float32(_LEVEL)
    separator.push(noise)  # compiles and allocates
    seconds: list[float] = []
    started = time.perf_counter()
    while len(seconds) < PHASES * REPETITIONS:
        before = time.perf_counter()
        separator.push(noise)
        seconds.append(time.perf_counter() - before)
        if time.perf_counter() - started > BUDGET_S and len(seconds) >= 2:
            break
    separator.reset()
    return undisturbed(seconds)


def undisturbed(seconds: list[float]) -> list[float]:
    """Return the smallest time of each phase of the pattern."""
    return [min(seconds[phase::PHASES]) for phase in range(min(PHASES, len(seconds)))]
