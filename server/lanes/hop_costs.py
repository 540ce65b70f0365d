"""What a hop costs on this machine, by model and profile: measured first, then kept up to date.

Seconds of the lane's thread by the clock, not of the processor: when other work takes the cores,
hops become dearer. What is not heard of for a while is forgotten, so that a bad minute does not
close the door for good; the first measurement counts again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

Kind = tuple[str, str]  # model and profile

REMEMBERED_HOPS: Final = 512  # of one kind: 6 s of one live stream
REMEMBERED_S: Final = 30.0
ENOUGH_HOPS: Final = 32  # to be believed


@dataclass(frozen=True, slots=True)
class HopCost:
    """Seconds of one hop; one outlier moves none of them."""

    mean_s: float  # hops dearer than 95 in 100 count as the 95th
    p50_s: float
    p95_s: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> HopCost:
        """Sum up some hops, at least one."""
        p50, p95 = np.percentile(seconds, (50, 95), method="higher")
        return cls(float(np.minimum(seconds, p95).mean()), float(p50), float(p95))


class HopCosts:
    """Costs of all kinds; lanes add, the I/O thread and the opener ask."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._first: dict[Kind, HopCost] = {}
        self._lately: dict[Kind, deque[tuple[float, float]]] = {}  # (moment, seconds)

    def start(self, kind: Kind, seconds: Sequence[float]) -> None:
        """Note what hops cost undisturbed; every kind needs that before anything else."""
        with self._lock:
            if kind not in self._first:
                self._lately[kind] = deque(maxlen=REMEMBERED_HOPS)
            self._first[kind] = HopCost.of(seconds)

    def add(self, kind: Kind, seconds: float) -> None:
        """Note what one hop of a running stream took."""
        with self._lock:
            if kind in self._lately:
                self._lately[kind].append((self._clock(), seconds))

    def cost(self, kind: Kind) -> HopCost:
        """Return what a hop costs now: lately, if enough ran lately, else as measured first."""
        since = self._clock() - REMEMBERED_S
        with self._lock:
            first = self._first[kind]
            lately = [seconds for moment, seconds in self._lately[kind] if moment >= since]
        return HopCost.of(lately) if len(lately) >= ENOUGH_HOPS else first

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind that is known."""
        with self._lock:
            return tuple(self._first)
