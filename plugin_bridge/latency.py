"""The latency a stream reports: a sum of named terms, one function each.

The bridge plays, at host position ``p``, the stems of position ``p - total``; so what is reported
is what is measured. docs/latency.md argues why the stems are there by then; tests simulate it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from protocol import Latency

REFERENCE_RATE_HZ: Final = 44100
DEFAULT_ROUND_TRIP_SAMPLES: Final = 768  # at the reference rate: 17.4 ms


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """Where each sample of the reported latency comes from; all in samples at the host's rate."""

    block_adaptation: int
    hop: int
    synthesis_overlap: int
    look_ahead: int
    resampler: int
    round_trip: int

    @property
    def total(self) -> int:
        """The latency reported to the host, in samples."""
        return sum(astuple(self))

    def total_ms(self, rate_hz: int) -> float:
        """Return the latency reported to the host, in milliseconds at its rate."""
        return 1000 * self.total / rate_hz


def block_adaptation_samples(max_block_frames: int) -> int:
    """Return the wait for a callback: a sample may be sent, and fetched, a whole block late.

    What one callback sends can be read by the next at the earliest, whatever the blocks' sizes.
    """
    return max_block_frames


def round_trip_samples(rate_hz: int) -> int:
    """Return the default time granted to transport and computing: 17.4 ms, rounded up."""
    return -(-DEFAULT_ROUND_TRIP_SAMPLES * rate_hz // REFERENCE_RATE_HZ)


def latency_budget(server: Latency, max_block_frames: int, round_trip: int) -> LatencyBudget:
    """Return the sum's terms: the server's promise between the bridge's own two."""
    return LatencyBudget(
        block_adaptation=block_adaptation_samples(max_block_frames),
        hop=server.hop,
        synthesis_overlap=server.synthesis_overlap,
        look_ahead=server.look_ahead,
        resampler=server.resampler,
        round_trip=round_trip,
    )
