"""A rehearsal: some seconds of live separation at a sound card's pace, to learn what latency holds.

What a machine does once an hour ten seconds do not show, hence a margin; it is no promise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from plugin_bridge import LiveSession

REHEARSAL_S = 10.0
MARGIN = 1.25  # on the round trip that was needed
_GRANTED_S = 0.1  # so much that nothing is late, and what is needed shows
_CHANNELS = 2


class OpenSession(Protocol):
    """Opens the session that is to be rehearsed."""

    def __call__(self, *, round_trip_samples: int) -> LiveSession:
        """Open it with this round trip."""
        ...


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal found, in samples at the host's rate."""

    round_trip_samples: int  # the least that may be granted
    latency_samples: int  # all terms, with that round trip
    late_blocks: int  # with a tenth of a second granted: with any, no latency helps


def rehearse(
    connect: OpenSession, *, rate_hz: int, block_frames: int, seconds: float = REHEARSAL_S
) -> Rehearsal:
    """Play noise through a session, paced, in blocks of one size.

    The round trip is a quarter more than what would have been enough, and no less than what the
    server takes.
    """
    from benchmarks.paced import run_paced  # noqa: PLC0415 -- needs scipy

    granted = round(_GRANTED_S * rate_hz)
    shape = (_CHANNELS, round(seconds * rate_hz))
    noise = np.float32(0.1) * np.random.default_rng(0).standard_normal(shape, np.float32)
    with connect(round_trip_samples=granted) as session:
        run_paced(session, noise, block_frames=block_frames, rate_hz=rate_hz)
        heard = session.statistics
        needed = max(0, granted - heard.headroom_min_samples)
        round_trip = max(session.minimum_round_trip_samples, math.ceil(MARGIN * needed))
        rest = session.latency.total - granted
        return Rehearsal(round_trip, rest + round_trip, heard.late_blocks)
