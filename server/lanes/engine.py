"""Where inference runs: the threads of the lanes, each serving the earliest deadline first.

The realtime lane's steps are short; the background lane's may be long, so the operating system
gives it what the realtime lane and the I/O thread leave. Between them is the lane on which realtime
streams make up for what they missed, so that a rebuild makes nobody else late. A step is never
interrupted by another of its thread. The realtime lane may have several threads; a stream keeps the
one that it was given, so that its hops and its cache stay together.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

from dsp.separator import Lane
from server.lanes.priority import PREPARING_PRIORITY, claim_realtime, yield_to_others
from server.lanes.scheduler import DeadlineQueue


def default_live_threads() -> int:
    """Half of the cores that this process may use: the other half is the hosts'."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


class EngineTask(Hashable, Protocol):
    """One stream's work, taken in steps."""

    rank: int  # lower goes first when not all deadlines can be kept
    live_thread: int  # which of the realtime lane's threads is its own

    @property
    def lane(self) -> Lane:
        """Which thread is to run the next step."""

    def next_deadline(self) -> float | None:
        """By when the next step should be done; None when there is none."""

    def step(self) -> None:
        """Do one step; must not raise. Does nothing while another thread is in a step."""


class Engine:
    """The lanes' threads; ``wake`` a task whenever it has got work."""

    def __init__(self, live_threads: int = 1) -> None:
        self._lanes = {
            lane: [
                _LaneThread(lane, number, self.wake)
                for number in range(live_threads if lane is Lane.REALTIME else 1)
            ]
            for lane in Lane
        }

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self, task: EngineTask) -> None:
        """Queue the task on its lane if it has work."""
        lane = task.lane
        self._lanes[lane][task.live_thread if lane is Lane.REALTIME else 0].wake(task)

    @property
    def queued_tasks(self) -> dict[Lane, int]:
        """How many tasks wait or run, by lane."""
        return {
            lane: sum(thread.load for thread in threads) for lane, threads in self._lanes.items()
        }

    def stop(self, timeout_s: float) -> bool:
        """Stop after the running steps; False when one did not end in time."""
        for thread in self._threads:
            thread.stop()
        started = [thread for thread in self._threads if thread.ident is not None]
        deadline = time.monotonic() + timeout_s
        for thread in started:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in started)

    @property
    def _threads(self) -> list[_LaneThread]:
        return [thread for threads in self._lanes.values() for thread in threads]


class _LaneThread(threading.Thread):
    """Takes the most urgent task, runs one step, and queues it again if more waits."""

    def __init__(self, lane: Lane, number: int, wake: Callable[[EngineTask], None]) -> None:
        super().__init__(name=f"engine-{lane.value}-{number}", daemon=True)
        self._lane = lane
        self._wake_on_its_lane = wake
        self._ready = threading.Condition()
        self._queue: DeadlineQueue[EngineTask] = DeadlineQueue()
        self._running: EngineTask | None = None
        self._stopping = False

    @property
    def load(self) -> int:
        with self._ready:
            return len(self._queue) + (self._running is not None)

    def wake(self, task: EngineTask) -> None:
        deadline = task.next_deadline()
        if deadline is None:
            return
        with self._ready:
            self._queue.put(task, deadline, task.rank)
            self._ready.notify()

    def stop(self) -> None:
        with self._ready:
            self._stopping = True
            self._ready.notify()

    def run(self) -> None:
        if self._lane is Lane.BACKGROUND:
            yield_to_others()
        elif self._lane is Lane.REALTIME:
            claim_realtime()
        else:
            claim_realtime(PREPARING_PRIORITY)
        while (task := self._next()) is not None:
            if task.lane is self._lane:
                task.step()
            self._wake_on_its_lane(task)
            del task  # an ended stream's memory must not wait for the next one's work

    def _next(self) -> EngineTask | None:
        with self._ready:
            self._running = None
            while not self._stopping:
                self._running = self._queue.pop(self._overdue_before())
                if self._running is not None:
                    return self._running
                self._ready.wait()
        return None

    def _overdue_before(self) -> float:
        """Before when deadlines count as missed: never for lossless work, which has none."""
        return -math.inf if self._lane is Lane.BACKGROUND else time.monotonic()
