"""What happens when the machine became slower than it was: the newest live stream goes.

The engine serves older streams first once deadlines are missed, so lateness gathers in the newest.
One that waits for long shows that the load does not fit any more. It is ended, told so, and
counted; its client plays the dry signal, asks again, and is admitted when there is room. Runs on
the I/O thread alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dsp.separator import Lane
from protocol import Overloaded, ServerFull

if TYPE_CHECKING:
    from server.lanes.admission import Admission
    from server.lanes.hop_costs import HopCosts
    from server.monitoring.metrics import Metrics
    from server.sessions.peers import Stream

_LIVE_LANES: Final = (Lane.REALTIME, Lane.BACKGROUND)

SUSTAINED_S: Final = 1.0  # of being later and later: no pause of the machine lasts so long
HOPELESS_S: Final = 5.0  # of being late at all, though it may be catching up
FIRST_PAUSE_S: Final = 2.0  # before a lane takes new streams again; doubles
LONGEST_PAUSE_S: Final = 60.0


class Overload:
    """Watches every live stream's lateness; ``end`` ends one with an error."""

    def __init__(
        self,
        admission: Admission[Stream],
        clock: Callable[[], float],
        end: Callable[[Stream, Overloaded], None],
    ) -> None:
        self._admission = admission
        self._clock = clock
        self._end = end
        self._closed_until: dict[Lane, float] = {}
        self._pause_s = FIRST_PAUSE_S
        self._ended_at = -math.inf

    def check(self, lane: Lane) -> None:
        """Raise ServerFull while a lane that was overloaded takes nothing new."""
        left_s = self._closed_until.get(lane, 0.0) - self._clock()
        if left_s > 0:
            raise ServerFull(
                "the newest stream was just ended, as there were too many; "
                f"new ones are taken in {left_s:.1f} s"
            )

    def watch(self, stream: Stream, oldest_deadline: float | None) -> None:
        """Look at a live stream that was sent something; end the newest when this one starves."""
        now, lateness = self._clock(), stream.lateness
        if lateness.since < self._ended_at:
            lateness.note(now, 0.0)  # others need time to catch up after one has gone
        lateness.note(now, 0.0 if oldest_deadline is None else now - oldest_deadline)
        task = stream.opened_task
        if task.is_catching_up:
            if lateness.lasts(now, HOPELESS_S):
                self._shed(stream, now - lateness.since)
        elif lateness.lasts(now, HOPELESS_S) or (
            lateness.lasts(now, SUSTAINED_S) and lateness.is_growing(now)
        ):
            newest = self._admission.newest(task.home_lane, task.live_thread)
            self._shed(newest or stream, now - lateness.since)

    def _shed(self, stream: Stream, late_s: float) -> None:
        now, lane = self._clock(), stream.opened_task.home_lane
        place = lane, stream.opened_task.live_thread
        is_again = now - self._closed_until.get(lane, -math.inf) < LONGEST_PAUSE_S
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S) if is_again else FIRST_PAUSE_S
        self._ended_at = now
        self._closed_until[lane] = now + self._pause_s
        load, count = self._admission.load(*place), self._admission.count(*place)
        self._end(
            stream,
            Overloaded(
                f"stems were late for {late_s:.1f} s: {count} live streams take {load:.2f} of a "
                f"core, {self._admission.share:.2f} may be promised; the newest is ended, open it "
                f"again in {self._pause_s:.0f} s"
            ),
        )


def note_load(metrics: Metrics, admission: Admission[Stream], costs: HopCosts) -> None:
    """Fill the gauges of load and costs."""
    for lane in _LIVE_LANES:
        loads = [admission.load(lane, thread) for thread in admission.threads(lane)]
        metrics.live_load.labels(lane=lane.value).set(sum(loads))
    for model, profile in costs.kinds:
        cost = costs.cost((model, profile))
        metrics.hop_cost.labels(model, profile, "0.5").set(cost.p50_s)
        metrics.hop_cost.labels(model, profile, "0.95").set(cost.p95_s)


def describe_load(metrics: Metrics, admission: Admission[Stream]) -> str:
    """Say how loaded the lanes are and whether streams had to go, in lines for people."""
    lines = [
        f"{admission.thread_name(lane, thread)}: {count} live streams take "
        f"{admission.load(lane, thread):.2f} of a core, {admission.share:.2f} may be promised"
        for lane in _LIVE_LANES
        for thread in admission.threads(lane)
        if (count := admission.count(lane, thread))
    ]
    if ended := metrics.registry.get_sample_value("phoenix_stems_shed_streams_total"):
        lines.append(f"live streams ended for overload: {ended:.0f}")
    return "\n".join(["alive", *lines])
