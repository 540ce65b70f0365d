"""One stream's work as the engine sees it: take a request, answer it, hand the answers over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dsp.separator import Lane
from protocol import Audio, EngineFault, Message, Preroll, Stems, StemsError
from server.streams.worker import SwitchModel

if TYPE_CHECKING:
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics
    from server.streams.inbox import Inbox
    from server.streams.worker import Request, StreamWorker

OnHop = Callable[[float], None]


class StreamTask:
    """An ``EngineTask``: an inbox filled by the I/O thread, a worker used by one thread at a time.

    ``deliver`` takes answers, ``refuse`` errors; after an ``EngineFault`` the stream is over.
    ``on_hop`` is told what each hop took. A realtime stream that has to rebuild its state does so
    on the catch-up lane, and stays there until its oldest request is no longer overdue.
    """

    def __init__(
        self,
        *,
        lane: Lane,
        inbox: Inbox[Request],
        worker: StreamWorker,
        deliver: Callable[[Sequence[Message]], None],
        refuse: Callable[[StemsError], None],
        metrics: Metrics,
        log: Logger,
        rank: int = 0,
        live_thread: int = 0,
        hop_s: float = 0.0,
        on_hop: OnHop = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home_lane = lane
        self.rank = rank
        self.live_thread = live_thread
        self.inbox = inbox
        self._worker = worker
        self._deliver = deliver
        self._refuse = refuse
        self._late_blocks = metrics.late_blocks
        self._hop_seconds = metrics.hop_seconds.labels(lane=lane.value)
        self._log = log
        self._hop_s = hop_s
        self._on_hop = on_hop
        self._clock = clock
        self._stepping = threading.Lock()
        self._rest_deadline: float | None = None  # of the taken block's next hop
        self._spent_s = 0.0  # on the hop that is not full yet
        self.is_catching_up = False
        inbox.next_hop_end = worker.next_hop_end

    @property
    def lane(self) -> Lane:
        """Which thread is to run the next step: no rebuild stands before live hops."""
        if self.home_lane is Lane.REALTIME and (self.is_catching_up or self._rebuilds_next()):
            return Lane.CATCH_UP
        return self.home_lane

    def next_deadline(self) -> float | None:
        """Return by when the next step wants to be done; None when there is nothing to do."""
        rest = self._rest_deadline
        return self.inbox.next_deadline() if rest is None or self.inbox.is_closed else rest

    def step(self) -> None:
        """Compute a hop, or answer what else is oldest. An exception ends this stream and no other.

        Does nothing while another lane's thread is at it, which will look for more afterwards.
        """
        if not self._stepping.acquire(blocking=False):
            return
        try:
            self.is_catching_up = self.lane is Lane.CATCH_UP
            self._take_step()
            if self.is_catching_up:
                self.is_catching_up = self._is_overdue()
        finally:
            self._stepping.release()

    def _take_step(self) -> None:
        if self._rest_deadline is not None:
            self._run(self._worker.go_on, self._rest_deadline, is_audio=True)
            return
        while (waiting := self.inbox.take()) is not None:
            work = partial(self._worker.answer, waiting.request)
            is_audio = isinstance(waiting.request, Audio)
            answers = self._run(work, waiting.deadline, is_audio=is_audio)
            is_part = is_audio and not answers and self._rest_deadline is None
            if not is_part or self._rebuilds_next():
                return

    def _run(
        self, work: Callable[[], Sequence[Message]], deadline: float, *, is_audio: bool
    ) -> Sequence[Message]:
        """Do some of the work and hand its answers over; returns them."""
        self._rest_deadline = None
        started = self._clock()
        try:
            answers = work()
            has_more = is_audio and self._worker.has_ready_hop
        except StemsError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 -- whatever a model raises stays in its stream
            self._fail(error)
        else:
            if answers:
                self._deliver(answers)
            if is_audio:
                self._measure(answers, self._clock() - started, deadline)
            if has_more:
                self._rest_deadline = deadline + self._hop_s
            return answers
        finally:
            self.inbox.next_hop_end = self._worker.next_hop_end
        return []

    def _fail(self, error: Exception) -> None:
        self.inbox.close()
        self._log.error("stream failed", stream=self._worker.stream, exc_info=error)
        self._refuse(
            EngineFault(
                f"inference failed ({type(error).__name__}); the stream is closed, open it again"
            )
        )

    def _measure(self, answers: Sequence[Message], seconds: float, deadline: float) -> None:
        """Note what a hop took, with the steps that filled it, and whether it came too late."""
        self._spent_s += seconds
        frames = sum(answer.samples.shape[-1] for answer in answers if isinstance(answer, Stems))
        if not frames:
            return
        hop_seconds = self._spent_s / max(1, round(frames / self._worker.hop_frames))
        self._spent_s = 0.0
        self._hop_seconds.observe(hop_seconds)
        self._on_hop(hop_seconds)
        if self._clock() > deadline:
            self._late_blocks.inc()

    def _rebuilds_next(self) -> bool:
        return self._rest_deadline is None and isinstance(self.inbox.peek(), Preroll | SwitchModel)

    def _is_overdue(self) -> bool:
        deadline = self.next_deadline()
        return deadline is not None and deadline < self._clock()
