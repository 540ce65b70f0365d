"""Which live streams a server takes on: those whose hops fit beside all that it has promised.

Costs are measured (``server.lanes.hop_costs``). Each stream has a thread of its lane, and so at
most one core, which it shares with others there: they may be promised a share of that, and every
hop must be in time whatever the streams' phases are. Lossless streams are not asked here: they have
no deadline and take what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class _Promise:
    demand: Demand
    thread: int  # of the lane


class Admission(Generic[Stream]):
    """What is promised to whom, oldest first; any thread may ask."""

    def __init__(self, share: float, costs: HopCosts, live_threads: int = 1) -> None:
        """``share``: of a thread's core, the most that live streams are promised.

        ``live_threads`` compute the realtime lane's streams, each its own.
        """
        self.share = share
        self._costs = costs
        self._live_threads = live_threads
        self._lock = threading.RLock()
        self._promised: dict[Stream, _Promise] = {}

    def threads(self, lane: Lane) -> range:
        """Return the numbers of a lane's threads."""
        return range(self._live_threads if lane is Lane.REALTIME else 1)

    def thread_name(self, lane: Lane, thread: int) -> str:
        """Name a lane's thread for people, with a number where there are several."""
        return f"{lane.value} lane" + (f" {thread + 1}" if len(self.threads(lane)) > 1 else "")

    def check(self, demand: Demand, but: Stream | None = None) -> int:
        """Find a thread on which a stream fits beside all others ``but`` one: that with most room.

        A stream that has its thread stays there. Raises ServerFull, with the figures. One that is
        alone on a thread is always taken: it can make nobody late but itself, and what was measured
        before anything ran may have been measured on a busy machine.
        """
        with self._lock:
            held = None if but is None else self._promised.get(but)
            threads = self.threads(demand.lane) if held is None else (held.thread,)
            others = {thread: self._jobs(demand.lane, thread, but) for thread in threads}
            new = self._job(demand)
        refusals = []
        for thread in sorted(threads, key=lambda thread: _share(others[thread])):
            refusal = self._refusal(demand, new, others[thread])
            if not refusal:
                return thread
            refusals.append(refusal)
        raise ServerFull(refusals[0])

    def _refusal(self, demand: Demand, new: HopJob, others: Sequence[HopJob]) -> str:
        """Say why a stream does not fit beside others on their thread; nothing where it does."""
        what = f"a live stream of {'/'.join(demand.kind)} takes {new.share:.2f} of a core"
        if others and _share(others) + new.share > self.share + _ROUNDING:
            count = len(self.threads(demand.lane))
            where = f" on the emptiest of {count} threads" if count > 1 else ""
            return (
                f"{what}: {_share(others):.2f} of {self.share:.2f} are promised to {len(others)} "
                f"others{where}; try again when others have gone, or raise limits.live_load"
            )
        if others and demand.lane is Lane.REALTIME and not keeps_deadlines([*others, new]):
            return (
                f"{what}, a hop {1e3 * new.p95_s:.1f} ms: beside {len(others)} others not all "
                f"would be there within {1e3 * demand.deadline_s:.1f} ms; grant a longer round "
                "trip, or try again when others have gone"
            )
        return ""

    def admit(self, stream: Stream, demand: Demand) -> int:
        """Promise a stream what it asks for, or something else than before; its thread.

        Raises ServerFull.
        """
        with self._lock:
            thread = self.check(demand, stream)
            self._promised[stream] = _Promise(demand, thread)
            return thread

    def release(self, stream: Stream) -> None:
        """Take a promise back, if there is one."""
        with self._lock:
            self._promised.pop(stream, None)

    def newest(self, lane: Lane, thread: int) -> Stream | None:
        """Return the stream that a lane's thread was given last."""
        with self._lock:
            streams = [stream for stream, _ in self._on(lane, thread)]
        return streams[-1] if streams else None

    def count(self, lane: Lane, thread: int) -> int:
        """How many live streams a lane's thread has."""
        with self._lock:
            return len(self._on(lane, thread))

    def load(self, lane: Lane, thread: int) -> float:
        """Return the share of a core that a thread's live streams take, at today's costs."""
        with self._lock:
            return _share(self._jobs(lane, thread, None))

    def _on(self, lane: Lane, thread: int) -> list[tuple[Stream, Demand]]:
        place = (lane, thread)
        return [
            (stream, promise.demand)
            for stream, promise in self._promised.items()
            if (promise.demand.lane, promise.thread) == place
        ]

    def _jobs(self, lane: Lane, thread: int, but: Stream | None) -> list[HopJob]:
        return [self._job(demand) for stream, demand in self._on(lane, thread) if stream is not but]

    def _job(self, demand: Demand) -> HopJob:
        cost = self._costs.cost(demand.kind)
        return HopJob(demand.period_s, demand.deadline_s, cost.mean_s, cost.p95_s)


def _share(jobs: Iterable[HopJob]) -> float:
    return sum(job.share for job in jobs)
