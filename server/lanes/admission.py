"""Which live streams a server takes on: those whose hops fit beside all that it has promised.

Costs are measured (``server.lanes.hop_costs``). A lane is one thread, so one core at most: its live
streams may be promised a share of that, and every hop must be in time whatever the streams' phases
are. Lossless streams are not asked here: they have no deadline and take what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dsp.separator import Lane
from protocol import ServerFull
from server.lanes.hop_costs import HopCosts, Kind
from server.lanes.scheduler import HopJob, keeps_deadlines

Stream = TypeVar("Stream", bound=Hashable)

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Demand:
    """What a live stream asks for: a hop of this kind every period, in time."""

    kind: Kind
    lane: Lane
    period_s: float
    deadline_s: float  # from a hop's last sample to its stems


class Admission(Generic[Stream]):
    """What is promised to whom, oldest first; any thread may ask."""

    def __init__(self, share: float, costs: HopCosts) -> None:
        """``share``: of a lane's core, the most that live streams are promised."""
        self.share = share
        self._costs = costs
        self._lock = threading.RLock()
        self._promised: dict[Stream, Demand] = {}

    def check(self, demand: Demand, but: Stream | None = None) -> None:
        """Raise ServerFull, with the figures, unless a stream fits beside all others ``but`` one.

        A stream that is alone is always taken: it can make nobody late but itself, and what was
        measured before anything ran may have been measured on a busy machine.
        """
        with self._lock:
            others = self._jobs(demand.lane, but)
        if not others:
            return
        new = self._job(demand)
        promised = sum(job.share for job in others)
        what = f"a live stream of {'/'.join(demand.kind)} takes {new.share:.2f} of a core"
        if promised + new.share > self.share + _ROUNDING:
            raise ServerFull(
                f"{what}: {promised:.2f} of {self.share:.2f} are promised to {len(others)} others; "
                "try again when others have gone, or raise limits.live_load"
            )
        if demand.lane is Lane.REALTIME and not keeps_deadlines([*others, new]):
            raise ServerFull(
                f"{what}, a hop {1e3 * new.p95_s:.1f} ms: beside {len(others)} others not all "
                f"would be there within {1e3 * demand.deadline_s:.1f} ms; grant a longer round "
                "trip, or try again when others have gone"
            )

    def admit(self, stream: Stream, demand: Demand) -> None:
        """Promise a stream what it asks for, or something else than before; raises ServerFull."""
        with self._lock:
            self.check(demand, stream)
            self._promised[stream] = demand

    def release(self, stream: Stream) -> None:
        """Take a promise back, if there is one."""
        with self._lock:
            self._promised.pop(stream, None)

    def newest(self, lane: Lane) -> Stream | None:
        """Return the stream of a lane that was admitted last."""
        with self._lock:
            streams = [s for s, demand in self._promised.items() if demand.lane is lane]
        return streams[-1] if streams else None

    def count(self, lane: Lane) -> int:
        """How many live streams a lane has."""
        with self._lock:
            return sum(demand.lane is lane for demand in self._promised.values())

    def load(self, lane: Lane) -> float:
        """Return the share of a core that a lane's live streams take, at today's costs."""
        with self._lock:
            return sum(job.share for job in self._jobs(lane, None))

    def _jobs(self, lane: Lane, but: Stream | None) -> list[HopJob]:
        return [
            self._job(demand)
            for stream, demand in self._promised.items()
            if demand.lane is lane and stream is not but
        ]

    def _job(self, demand: Demand) -> HopJob:
        cost = self._costs.cost(demand.kind)
        return HopJob(demand.period_s, demand.deadline_s, cost.mean_s, cost.p95_s)
