"""The seam between the engine and every model: push frames in, get stems out.

A streaming network and a windowed re-run look the same from outside: a hop, a delay, and state that
the last seconds of audio rebuild. The engine must not know which kind it drives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class Lane(StrEnum):
    """Which engine thread a push may occupy."""

    REALTIME = "realtime"  # every push is shorter than its hop
    CATCH_UP = "catch-up"  # of realtime streams: what they missed, or have to hear again
    BACKGROUND = "background"  # a push may take many hops of another stream


@dataclass(frozen=True, slots=True)
class Profile:
    """A latency budget a model was built for; samples at the model's rate.

    Sample ``n`` is out once ``n + hop + synthesis_overlap + look_ahead`` samples are in.
    """

    name: str
    hop_samples: int
    synthesis_overlap_samples: int
    look_ahead_samples: int
    mask_lag_hops: int
    lane: Lane

    @property
    def delay_samples(self) -> int:
        """By how much ``Separator.push`` output trails its input."""
        return self.synthesis_overlap_samples + self.look_ahead_samples

    @property
    def algorithmic_latency_samples(self) -> int:
        """Waiting for the hop to fill, plus the delay."""
        return self.hop_samples + self.delay_samples


@runtime_checkable
class Separator(Protocol):
    """One stream's separation state.

    All audio is float32 at ``rate_hz``, [channel, sample], two channels, finite.
    """

    rate_hz: int
    stems: tuple[str, ...]  # estimated stems in output order; the remainder is mixing's work
    profile: Profile

    def push(self, frames: FloatArray) -> FloatArray:
        """Separate the next frames.

        ``frames`` [channel, n * hop]; returns [stem, channel, n * hop], ``profile.delay_samples``
        behind: output sample ``i`` of the stream belongs to input sample ``i - delay``.
        """
        ...

    def reset(self, position_samples: int = 0) -> None:
        """Forget everything; the next push starts at this multiple of the hop.

        The position anchors every internal grid, so that a rebuilt stream falls on the same frames.
        """
        ...

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Set the state as if ``history`` [channel, n * hop] had been pushed after a reset.

        ``position_samples`` is that of the first sample of ``history``. Cheaper than pushing.
        """
        ...
