"""The engine's pulse: whether the threads that live streams need still get anywhere.

Each is asked, ten times a second, to call back; once a second while nobody is connected, since to
wake a thread of an idle machine can cost a millisecond. A thread that does not answer may stand
still, may wait for a processor, or may compute; its processor time tells which. No hop takes nearly
as much as is granted, and rebuilds have a lane of their own. Standing still is counted in turns of
this module's own, not in time: when the whole machine stands still, so do they.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dsp.separator import Lane
from server.lanes.priority import claim_realtime
from server.supervision.watch import RESTING_S, TICK_S

if TYPE_CHECKING:
    from server.lanes.engine import EngineTask

WORKING_S = 0.002  # processor time of a thread in one turn that shows that it is at work

Answer = Callable[[], None]
Ask = Callable[[Answer], None]  # has the answer called on the thread that is asked


class LaneProbe:
    """A task of a thread of the realtime lane that only answers; it goes before all others."""

    lane = Lane.REALTIME
    rank = -1

    def __init__(self, wake: Callable[[EngineTask], None], live_thread: int = 0) -> None:
        self.live_thread = live_thread
        self._wake = wake
        self._answer: Answer | None = None

    def ask(self, answer: Answer) -> None:
        """Have ``answer`` called on the lane's thread."""
        self._answer = answer
        self._wake(self)

    def next_deadline(self) -> float | None:
        """Be the most urgent of all, when asked."""
        return None if self._answer is None else -math.inf

    def step(self) -> None:
        """Answer."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer()


class Pulse:
    """Says ``alive`` every turn, or once ``stuck NAME`` when a thread no longer answers.

    A thread is stuck when it has stood still for ``hang_s``, or has used ``spin_s`` of processor
    time without coming to an end. While all answer and ``is_needed`` is false it says ``resting``,
    and its next turn is ``RESTING_S`` later.
    """

    def __init__(
        self,
        threads: Mapping[str, Ask],
        say: Callable[[str], None],
        *,
        hang_s: float,
        spin_s: float,
        is_needed: Callable[[], bool] = lambda: True,
    ) -> None:
        hang_ticks = math.ceil(hang_s / TICK_S)
        self._watched = [_Watched(name, ask, hang_ticks, spin_s) for name, ask in threads.items()]
        self._say = say
        self._is_needed = is_needed
        self._turn_s = TICK_S
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Beat until the process ends."""
        self._thread.start()

    def beat(self) -> bool:
        """Take one turn; False when something is stuck."""
        may_rest = not (self._is_needed() or any(watched.is_waiting for watched in self._watched))
        stuck = [watched.name for watched in self._watched if not watched.is_well()]
        self._turn_s = RESTING_S if may_rest else TICK_S
        self._say(f"stuck {stuck[0]}" if stuck else "resting" if may_rest else "alive")
        return not stuck

    def _run(self) -> None:
        claim_realtime()
        while self.beat():
            time.sleep(self._turn_s)


class _Watched:
    """One thread, asked again as soon as it has answered."""

    def __init__(self, name: str, ask: Ask, hang_ticks: int, spin_s: float) -> None:
        self.name = name
        self._ask = ask
        self._hang_ticks = hang_ticks
        self._spin_s = spin_s
        self._clock_id: int | None = None
        self.is_waiting = False
        self._still_ticks = 0
        self._used_s = self._asked_s = 0.0  # processor time so far, and as it was when asked

    def is_well(self) -> bool:
        if not self.is_waiting:
            self._still_ticks = 0
            self._used_s = self._asked_s = self._processor_s()
            self.is_waiting = True
            self._ask(self._answered)
            return True
        used_s = self._processor_s()
        self._still_ticks = 0 if used_s - self._used_s >= WORKING_S else self._still_ticks + 1
        self._used_s = used_s
        return self._still_ticks < self._hang_ticks and used_s - self._asked_s < self._spin_s

    def _answered(self) -> None:
        if self._clock_id is None:
            self._clock_id = time.pthread_getcpuclockid(threading.get_ident())
        self.is_waiting = False

    def _processor_s(self) -> float:
        """Return the processor time that the thread has used; 0 for one that is gone or unknown."""
        if self._clock_id is None:
            return 0.0
        try:
            return time.clock_gettime(self._clock_id)
        except OSError:
            return 0.0
