"""One stream's work as the engine sees it: take a request, answer it, hand the answers over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from protocol import Audio, EngineFault, Message, Stems, StemsError

if TYPE_CHECKING:
    from dsp.separator import Lane
    from server.inbox import Inbox
    from server.log import Logger
    from server.metrics import Metrics
    from server.stream_worker import Request, StreamWorker


class StreamTask:
    """An ``EngineTask``: an inbox filled by the I/O thread, a worker used by one lane's thread.

    ``deliver`` takes answers, ``refuse`` errors; after an ``EngineFault`` the stream is over.
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
    ) -> None:
        self.lane = lane
        self.inbox = inbox
        self._worker = worker
        self._deliver = deliver
        self._refuse = refuse
        self._late_blocks = metrics.late_blocks
        self._hop_seconds = metrics.hop_seconds.labels(lane=lane.value)
        self._log = log

    def next_deadline(self) -> float | None:
        """Return by when the oldest request wants its answer."""
        return self.inbox.next_deadline()

    def step(self) -> None:
        """Answer the oldest request. An exception ends this stream and no other."""
        waiting = self.inbox.take()
        if waiting is None:
            return
        started = time.perf_counter()
        try:
            answers = self._worker.answer(waiting.request)
        except StemsError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 -- whatever a model raises stays in its stream
            self._fail(error)
        else:
            self._deliver(answers)
            if isinstance(waiting.request, Audio):
                self._measure(answers, time.perf_counter() - started, waiting.deadline)

    def _fail(self, error: Exception) -> None:
        self.inbox.close()
        self._log.error("stream failed", stream=self._worker.stream, exc_info=error)
        self._refuse(
            EngineFault(
                f"inference failed ({type(error).__name__}); the stream is closed, open it again"
            )
        )

    def _measure(self, answers: Sequence[Message], seconds: float, deadline: float) -> None:
        frames = sum(answer.samples.shape[-1] for answer in answers if isinstance(answer, Stems))
        if not frames:
            return
        self._hop_seconds.observe(seconds / max(1, round(frames / self._worker.hop_frames)))
        if time.monotonic() > deadline:
            self._late_blocks.inc()
