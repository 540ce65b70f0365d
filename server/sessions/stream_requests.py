"""What a peer may ask of its streams; runs on the I/O thread alone.

Everything about a running stream goes in order through its inbox, so this module checks and queues,
and the engine answers. Opening loads models, so it runs on the opener's thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from protocol import (
    Audio,
    Close,
    Closed,
    CreditExceeded,
    EngineFault,
    Flush,
    InvalidField,
    LimitExceeded,
    Limits,
    Message,
    Open,
    Overloaded,
    Ping,
    Preroll,
    Seek,
    ServerFault,
    ServerFull,
    Set,
    ShuttingDown,
    Stems,
    StemsError,
)
from server.lanes.scheduler import Pace
from server.sessions.loads import Loads
from server.sessions.overload import Overload
from server.sessions.peers import Peer, PeerTable, Stream
from server.streams.inbox import Inbox
from server.streams.task import StreamTask

if TYPE_CHECKING:
    from server.lanes.admission import Admission
    from server.lanes.engine import Engine
    from server.lanes.hop_costs import HopCosts
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics
    from server.sessions.opening import Opening, StreamOpener
    from server.sessions.replies import Replies
    from server.streams.worker import Request, SwitchModel

Result = TypeVar("Result")

FREEWHEEL_ANSWER_WITHIN_S = 1.0  # behind live work, yet never starved by it
_SILENCE_S = 0.2  # after which a peer that is in the way is asked whether it is there


class StreamRequests:
    """Handles every message that names a stream."""

    def __init__(
        self,
        *,
        table: PeerTable,
        limits: Limits,
        opener: StreamOpener,
        engine: Engine,
        replies: Replies,
        metrics: Metrics,
        log: Logger,
        clock: Callable[[], float],
        run_on_io_thread: Callable[[Callable[[], None]], None],
        costs: HopCosts,
        admission: Admission[Stream],
    ) -> None:
        self._table = table
        self._limits = limits
        self._opener = opener
        self._engine = engine
        self._replies = replies
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._run_on_io_thread = run_on_io_thread
        self._loads = Loads(limits)
        self._dropped_input = metrics.dropped_frames.labels(side="input")
        self._costs = costs
        self._admission = admission
        self._overload = Overload(admission, clock, self._shed)
        self._ranks = itertools.count()

    def open(self, peer: Peer, request: Open) -> None:
        """Start opening a stream; ``opened`` or an error follows when the model is there."""
        self._limits.check_rate(request.rate_hz)
        try:
            self._table.check_room(peer, request.stream)
        except ServerFull:
            if not self._forget_ghosts():
                raise
            self._table.check_room(peer, request.stream)
        self._loads.begin(peer)
        stream = Stream(peer, request, answered_samples=request.position_samples)
        peer.streams[request.stream] = stream
        self._count_streams()
        self._start_opening(stream, self._not_opened)

    def _start_opening(
        self, stream: Stream, on_failed: Callable[[Stream, Exception], None]
    ) -> None:
        self._opener.open(
            stream.request,
            stream.counters,
            partial(self._post, self._loaded, stream, self._opened),
            partial(self._post, self._loaded, stream, on_failed),
        )

    def audio(self, peer: Peer, block: Audio) -> None:
        """Queue a block; what is too old to be answered in time makes room for it."""
        stream = peer.stream(block.stream)
        task = stream.opened_task
        channels, frames = block.samples.shape
        _check_channels(stream, channels)
        if frames > stream.request.max_block_frames:
            raise LimitExceeded(
                f"block of {frames} frames: 1 to {stream.request.max_block_frames} allowed; "
                "split it or open the stream with a larger max_block_frames"
            )
        if stream.request.freewheel:
            _check_credit(stream, task.inbox, block)
        stream.counters.blocks += 1
        self._metrics.blocks.inc()
        self._queue(stream, block)

    def preroll(self, peer: Peer, part: Preroll) -> None:
        """Queue a part of the past."""
        stream = peer.stream(part.stream)
        channels, frames = part.samples.shape
        _check_channels(stream, channels)
        self._limits.check_preroll(stream.preroll_frames + frames)
        self._queue(stream, part)
        stream.preroll_frames = 0 if part.last else stream.preroll_frames + frames

    def seek(self, peer: Peer, request: Seek) -> None:
        """Queue a jump, forget what waits; credit counts from the new position."""
        stream = peer.stream(request.stream)
        stream.opened_task.inbox.forget_audio()
        stream.preroll_frames = 0
        self._queue(stream, request)
        stream.answered_samples = request.position_samples

    def flush(self, peer: Peer, request: Flush) -> None:
        """Queue a flush."""
        self._queue(peer.stream(request.stream), request)

    def set(self, peer: Peer, request: Set) -> None:
        """Queue a change; a new model is loaded first, while the old one goes on."""
        stream = peer.stream(request.stream)
        if request.model is None or request.model == stream.model:
            self._queue(stream, request)
            return
        stream.opened_task  # noqa: B018 -- raises while the stream is still being opened
        self._loads.begin(peer)
        self._opener.switch(
            stream.request,
            request,
            partial(self._post, self._loaded, stream, self._switch_loaded),
            partial(self._post, self._loaded, stream, self._switch_failed),
        )

    def close(self, peer: Peer, request: Close) -> None:
        """End a stream at once; what the engine is doing for it is thrown away."""
        stream = peer.stream(request.stream)
        self.end(stream)
        self._say_closed(stream)

    def expire(self, stream: Stream) -> None:
        """End a stream whose peer has fallen silent."""
        self.end(stream)
        self._say_closed(stream)

    def shut_down(self, stream: Stream) -> None:
        """End a stream because the server ends."""
        self.end(stream)
        self._replies.send_error(stream.peer.identity, shutting_down(), stream.number)

    def end(self, stream: Stream) -> None:
        """Free everything a stream has, at once: it and its task hold each other otherwise."""
        stream.peer.streams.pop(stream.number, None)
        stream.peer.has_ended_streams = True
        if stream.task is not None:
            stream.task.inbox.close()
            stream.task = None
        self._admission.release(stream)
        self._count_streams()

    def _queue(self, stream: Stream, request: Request) -> None:
        task, now = stream.opened_task, self._clock()
        if isinstance(request, Audio) and stream.pace is not None:
            now = stream.pace.release(now, request.samples.shape[-1] / stream.request.rate_hz)
        dropped = task.inbox.put(request, now + stream.answer_within_s)
        if dropped.frames:
            stream.counters.dropped_frames += dropped.frames
            self._dropped_input.inc(dropped.frames)
        self._engine.wake(task)
        if stream.pace is not None:
            self._overload.watch(stream, task.next_deadline())

    def _loaded(
        self, stream: Stream, go_on: Callable[[Stream, Result], None], result: Result
    ) -> None:
        """Hand on what came of an opening or a switch."""
        self._loads.end(stream.peer)
        go_on(stream, result)

    def _opened(self, stream: Stream, opening: Opening) -> None:
        if not _is_current(stream):
            return  # closed, or its peer gone, while the model was loading
        live_thread = 0
        if opening.demand is not None:
            try:
                self._overload.check(opening.lane)
                live_thread = self._admission.admit(stream, opening.demand)
            except ServerFull as error:
                self._not_opened(stream, error)
                return
        freewheel = stream.request.freewheel
        rate_hz = stream.request.rate_hz
        stream.model = opening.opened.model
        stream.credit_frames = opening.opened.credit_frames
        stream.live_frames = opening.live_frames
        stream.answer_within_s = FREEWHEEL_ANSWER_WITHIN_S if freewheel else opening.answer_within_s
        stream.task = StreamTask(
            lane=opening.lane,
            inbox=Inbox(None if freewheel else opening.inbox_frames),
            worker=opening.worker,
            deliver=partial(self._post, self._deliver, stream),
            refuse=partial(self._post, self._refused, stream),
            metrics=self._metrics,
            log=self._log,
            rank=next(self._ranks),
            live_thread=live_thread,
            hop_s=opening.worker.hop_frames / rate_hz,
            on_hop=partial(self._add_cost, stream),
            clock=self._clock,
        )
        if not freewheel:
            stream.pace = Pace(opening.live_frames / rate_hz)
        self._replies.send(stream.peer.identity, opening.opened)

    def _add_cost(self, stream: Stream, seconds: float) -> None:
        """Note what a hop took, on a lane's thread; lossless pushes are no measure for it."""
        if not stream.request.freewheel:
            self._costs.add((stream.model, stream.request.profile), seconds)

    def _not_opened(self, stream: Stream, error: Exception) -> None:
        """Try once more where streams of peers that are gone were in the way; else refuse."""
        if not _is_current(stream):
            return
        if isinstance(error, ServerFull) and self._forget_ghosts() and _is_current(stream):
            self._loads.begin(stream.peer)
            self._start_opening(stream, self._refused_again)
        else:
            self._refused_again(stream, error)

    def _refused_again(self, stream: Stream, error: Exception) -> None:
        if _is_current(stream):
            self.end(stream)
            self._refuse(stream, error, "opening failed")

    def _forget_ghosts(self) -> bool:
        """Look whether silent peers are still there; whether some were not, and are forgotten.

        ZeroMQ tells that a connection is gone only to who sends something on it.
        """
        before = len(self._table)
        for peer in self._table.silent(self._clock() - _SILENCE_S):
            self._replies.send(peer.identity, Ping(0))
        return len(self._table) < before

    def _shed(self, stream: Stream, error: Overloaded) -> None:
        """End a stream that the machine can no longer keep in time."""
        self._metrics.shed_streams.inc()
        self._log.warning("overloaded", stream=stream.number, reason=error.reason)
        self.end(stream)
        self._replies.send_error(stream.peer.identity, error, stream.number)

    def _switch_loaded(self, stream: Stream, switch: SwitchModel) -> None:
        if not _is_current(stream):
            return
        if switch.demand is not None:
            try:
                self._admission.admit(stream, switch.demand)
            except ServerFull as error:
                self._switch_failed(stream, error)
                return
        stream.model = switch.model
        self._queue(stream, switch)

    def _switch_failed(self, stream: Stream, error: Exception) -> None:
        if _is_current(stream):
            self._refuse(stream, error, "switching the model failed")

    def _refuse(self, stream: Stream, error: Exception, what: str) -> None:
        if not isinstance(error, StemsError):
            self._log.error(what, stream=stream.number, exc_info=error)
            error = ServerFault(f"{what} ({type(error).__name__}: {error}); try again")
        self._replies.send_error(stream.peer.identity, error, stream.number)

    def _deliver(self, stream: Stream, answers: Sequence[Message]) -> None:
        if not _is_current(stream):
            return  # closed meanwhile: after closed nothing more comes
        for answer in answers:
            if isinstance(answer, Stems):
                self._replies.send_stems(stream, answer)
            else:
                self._replies.send(stream.peer.identity, answer)

    def _refused(self, stream: Stream, error: StemsError) -> None:
        if not _is_current(stream):
            return
        if isinstance(error, EngineFault):
            self.end(stream)
        self._replies.send_error(stream.peer.identity, error, stream.number)

    def _say_closed(self, stream: Stream) -> None:
        counters = stream.counters
        closed = Closed(stream.number, counters.blocks, counters.missing_frames)
        self._replies.send(stream.peer.identity, closed)

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        self._run_on_io_thread(partial(function, *arguments))

    def _count_streams(self) -> None:
        self._metrics.streams.set(len(self._table.streams))


def shutting_down() -> ShuttingDown:
    """Return the error for whoever asks a server that is about to end."""
    return ShuttingDown("the server is shutting down; connect again when it is back")


def _is_current(stream: Stream) -> bool:
    return stream.peer.streams.get(stream.number) is stream


def _check_channels(stream: Stream, channels: int) -> None:
    if channels != stream.request.channels:
        raise InvalidField(
            f"audio of {channels} channels: stream {stream.number} was opened with "
            f"{stream.request.channels}"
        )


def _check_credit(stream: Stream, inbox: Inbox[Request], block: Audio) -> None:
    """Raise CreditExceeded when the client is too far ahead of what it has been answered."""
    frames, credit = block.samples.shape[-1], stream.credit_frames
    ahead = block.position_samples + frames - stream.answered_samples
    if ahead > credit:
        raise CreditExceeded(
            f"{ahead} frames would be sent and not answered: {credit} allowed; wait for stems first"
        )
    waiting = inbox.audio_frames + frames  # what was sent before a flush and a seek may wait, too
    if waiting > 2 * credit:
        raise CreditExceeded(f"{waiting} frames would wait: {2 * credit} allowed; send each once")
