"""One client's stream on two servers: which one is heard, and when that changes.

The server on the other machine is heard as long as its stems come in time. When they do not, the
stream is opened here too, rebuilt from the last seconds of dry audio, and heard as soon as it has
stems. The other one is meanwhile fed on, and heard again once it has been in time for a while.
Stems are handed on by position, each sample once, so where the servers agree the change is exact;
the gap while a server is being rebuilt is the client's to fade over (docs/adr/0005).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from plugin_bridge.handshake import Accepted, StreamRequest
from plugin_bridge.history import DryHistory
from plugin_bridge.relay.punctuality import Punctuality
from plugin_bridge.relay.upstream import Awaited, SentSet, Upstream
from protocol import (
    Applied,
    Audio,
    Closed,
    Error,
    Flush,
    Flushed,
    LatencyTooSmall,
    Message,
    Open,
    Opened,
    Preroll,
    RequestRefused,
    Seek,
    ServerFull,
    Set,
    Stems,
    StemsError,
    UnexpectedMessage,
    UnknownStream,
)

HISTORY_SECONDS: Final = 8
OPEN_PATIENCE_S: Final = 1.0  # for the remote server, before the local one is asked too
PROBATION_S: Final = 2.0  # how long a server must be in time before it is heard again
MAXIMUM_PROBATION_S: Final = 60.0
_FREEWHEEL_BUDGET_S: Final = 10.0  # nothing is late there; a server that hangs still is

Answer = Callable[[Message], None]


class RelayedStream:
    """A stream as its client opened it; ``tick`` does what time brings."""

    def __init__(
        self,
        request: Open,
        remote: Upstream,
        local: Upstream | None,
        *,
        answer: Answer,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._remote = remote
        self._local = local
        self._answer = answer
        self._clock = clock
        self.active: Upstream | None = None
        self.switches = 0
        self.is_closed = False
        self._opened: Opened | None = None
        self._accepted: Accepted | None = None
        self._asked_at = clock()
        self._is_local_wanted = False
        self._is_prerolling = False
        self._is_flushing = False
        self._probation_s = PROBATION_S
        self._held_set = Set(request.stream)
        self._sets_asked = self._sets_answered = 0
        self._blocks = self._sequence = 0
        self._forwarded_samples = request.position_samples
        self._history = DryHistory(request.channels, 1, request.position_samples)

    def receive(self, message: Message) -> None:
        """Handle what the client sent; raises StemsError for what it may not."""
        if self._opened is None:
            raise UnexpectedMessage(f"stream {self._request.stream} is still being opened; wait")
        match message:
            case Audio():
                self._audio(message)
            case Preroll():
                self._preroll(message)
            case Seek():
                self._seek(message)
            case Set():
                self._set(message)
            case Flush():
                self._is_flushing = True
                for upstream in self._fed():
                    upstream.flush()
            case _:
                raise UnexpectedMessage(f"{message.kind} is for servers to send, not for clients")

    def tick(self) -> None:
        """Take the next step with each server, and decide which one is heard."""
        for upstream in self._wanted():
            self._advance(upstream)
            for message in upstream.messages():
                self._from(upstream, message)
                if self.is_closed:
                    return
        if self._opened is None:
            self._decide_opening()
        else:
            self._decide()

    @property
    def awaited(self) -> list[Awaited]:
        """What to wait for until the next ``tick``."""
        ready = (each for each in self._wanted() if each.is_live or not self._is_prerolling)
        return [awaited for each in ready if (awaited := each.awaited) is not None]

    def close(self) -> Closed:
        """End the stream everywhere; returns the client's totals."""
        self.is_closed = True
        dropped = max(upstream.dropped_frames for upstream in self._upstreams())
        for upstream in self._upstreams():
            upstream.stop()
        return Closed(self._request.stream, self._blocks, dropped)

    def _upstreams(self) -> list[Upstream]:
        return [self._remote] + ([self._local] if self._local else [])

    def _wanted(self) -> list[Upstream]:
        """Return the servers to talk to now."""
        if self._local is None or not self._is_local_wanted:
            return [self._remote]
        if self._request.freewheel and self.active is self._local:
            return [self._local]  # nothing is late there: stay to the end
        return [self._remote, self._local]

    def _fed(self) -> list[Upstream]:
        return [upstream for upstream in self._wanted() if upstream.is_live]

    # What the client sends.

    def _audio(self, block: Audio) -> None:
        if block.position_samples != self._history.end_samples:
            self._history.reset(block.position_samples)
        self._history.write(block.samples)
        self._blocks += 1
        for upstream in self._fed():
            upstream.audio(block)

    def _preroll(self, part: Preroll) -> None:
        if part.position_samples != self._history.end_samples:
            self._history.reset(part.position_samples)
        self._history.write(part.samples)
        self._is_prerolling = not part.last
        self._forwarded_samples = self._history.end_samples
        for upstream in self._fed():
            upstream.send(replace(part, stream=1))

    def _seek(self, request: Seek) -> None:
        self._history.reset(request.position_samples)
        self._forwarded_samples = request.position_samples
        self._is_flushing = self._is_prerolling = False
        for upstream in self._fed():
            upstream.seek(request.position_samples)

    def _set(self, change: Set) -> None:
        self._sets_asked += 1
        for upstream in self._fed():
            upstream.set(SentSet(change, self._sets_asked))

    # What the servers send.

    def _advance(self, upstream: Upstream) -> None:
        if self._is_prerolling:
            return
        resume_samples = self._resume_samples()
        accepted = upstream.advance(resume_samples)
        if accepted is None:
            return
        if self._opened is None:
            self._open(upstream, accepted)
        elif not self._agrees(accepted):
            upstream.link.lose("it would give other stems, or later ones, than were promised")
            return
        if not self.is_closed:
            upstream.feed(self._history, resume_samples, accepted.opened.preroll_frames)
            self._give_state(upstream)

    def _resume_samples(self) -> int:
        """Return where a new server goes on: lossless behind the last stems, live now."""
        freewheel, end_samples = self._request.freewheel, self._history.end_samples
        return min(self._forwarded_samples, end_samples) if freewheel else end_samples

    def _give_state(self, upstream: Upstream) -> None:
        if self._held_set != Set(self._request.stream):
            upstream.set(SentSet(self._held_set))
        if self._is_flushing:
            upstream.flush()

    def _open(self, upstream: Upstream, accepted: Accepted) -> None:
        opened, request = accepted.opened, self._request
        link_s = max(each.link_s for each in self._upstreams())
        link_samples = 0 if request.freewheel else math.ceil(link_s * request.rate_hz)
        least = opened.minimum_round_trip_samples + link_samples
        if 0 < request.round_trip_samples < least and not request.freewheel:
            self._refuse(
                LatencyTooSmall(
                    f"round trip of {request.round_trip_samples} samples: {least} or more needed "
                    "by the server and the way to it"
                )
            )
            return
        self._accepted, self.active = accepted, upstream
        self._make_history(accepted, max(request.round_trip_samples, least))
        self._opened = replace(
            opened, stream=request.stream, minimum_round_trip_samples=least, redirect=""
        )
        self._answer(self._opened)

    def _make_history(self, accepted: Accepted, round_trip_samples: int) -> None:
        request, opened = self._request, accepted.opened
        seconds = HISTORY_SECONDS * request.rate_hz
        frames = max(opened.preroll_frames, seconds) + opened.credit_frames
        self._history = DryHistory(request.channels, frames, request.position_samples)
        budget_s = round_trip_samples / request.rate_hz
        for upstream in self._upstreams():
            upstream.punctuality = Punctuality(
                opened.latency.total,
                _FREEWHEEL_BUDGET_S if request.freewheel else budget_s,
                request.rate_hz,
            )

    def _agrees(self, accepted: Accepted) -> bool:
        """Whether another server would give the same stems at the same time."""
        first, other = self._accepted, accepted
        return first is not None and (
            first.welcome.server == other.welcome.server
            and first.opened.model == other.opened.model
            and first.opened.latency == other.opened.latency
            and first.opened.credit_frames == other.opened.credit_frames
        )

    def _from(self, upstream: Upstream, message: Message) -> None:
        match message:
            case Stems() if not upstream.is_stale:
                self._stems(upstream, message)
            case Applied():
                self._applied(upstream, message)
            case Flushed():
                upstream.flushed = message
                if upstream is self.active:
                    self._tell_flushed(message)
            case Closed():
                upstream.link.lose("the server closed the stream")
            case Error():
                self._error(upstream, message)
            case _:
                pass  # answers to our pings, and what is not the active server's to say

    def _stems(self, upstream: Upstream, stems: Stems) -> None:
        upstream.received(stems)
        if upstream is self.active:
            self._forward(stems)
            return
        upstream.held.append(stems)
        while upstream.held and _end(upstream.held[0]) <= self._forwarded_samples:
            upstream.held.popleft()

    def _forward(self, stems: Stems) -> None:
        """Hand on what of these stems the client has not had yet."""
        known = max(0, self._forwarded_samples - stems.position_samples)
        if known >= stems.samples.shape[2]:
            return
        self._forwarded_samples = _end(stems)
        self._answer(
            replace(
                stems,
                stream=self._request.stream,
                sequence=self._sequence,
                position_samples=stems.position_samples + known,
                samples=stems.samples[:, :, known:],
            )
        )
        self._sequence += 1

    def _tell_flushed(self, flushed: Flushed) -> None:
        self._is_flushing = False
        self._answer(replace(flushed, stream=self._request.stream))

    def _applied(self, upstream: Upstream, message: Applied) -> None:
        sent = upstream.sets.popleft() if upstream.sets else SentSet(Set(1))
        if sent.number <= self._sets_answered:
            return  # ours, or answered by the other server already
        self._sets_answered = sent.number
        self._held_set = _merged(self._held_set, sent.change)
        for each in self._upstreams():  # what a server that comes later is asked for
            each.link.request = replace(each.link.request, model=message.model, stems=message.stems)
        self._accepted = self._with_model(message.model)
        self._answer(replace(message, stream=self._request.stream))

    def _with_model(self, model: str) -> Accepted | None:
        accepted = self._accepted
        return accepted and replace(accepted, opened=replace(accepted.opened, model=model))

    def _error(self, upstream: Upstream, message: Error) -> None:
        """Hand a refusal on; leave a server that has lost the stream."""
        error = message.exception()
        refused = isinstance(error, RequestRefused) and not isinstance(error, UnknownStream)
        ignored = message.code.startswith("E1") and not (
            isinstance(error, UnexpectedMessage) and message.stream is None
        )
        if not refused and not ignored:
            upstream.link.lose(str(error))
            return
        sent = upstream.sets.popleft() if refused and upstream.sets else None
        if upstream is self.active or (sent is not None and sent.number > self._sets_answered):
            self._sets_answered = max(self._sets_answered, sent.number if sent else 0)
            self._answer(replace(message, stream=self._request.stream))

    # Which server is heard.

    def _decide_opening(self) -> None:
        """Before the stream is open: the first server that takes it, the remote one preferred."""
        refusal = self._remote.link.refusal
        if refusal is not None and not isinstance(refusal, ServerFull):
            self._refuse(refusal)
        elif self._clock() - self._asked_at > OPEN_PATIENCE_S or refusal is not None:
            self._is_local_wanted = self._local is not None
            last = self._local.link.refusal if self._local else refusal
            if last is not None:
                self._refuse(last)

    def _refuse(self, error: StemsError) -> None:
        self._answer(Error.of(error, self._request.stream))
        self.close()

    def _decide(self) -> None:
        now, local = self._clock(), self._local
        if local is None:
            return
        is_remote_bad = self._remote.is_failing(now)
        is_remote_good = self._remote.good_for_s(now) >= self._probation_s
        if self.active is self._remote and is_remote_bad:
            self._is_local_wanted = True
            if local.is_flowing and not local.is_failing(now):
                self._probation_s = min(2 * self._probation_s, MAXIMUM_PROBATION_S)
                self._switch(local)
        elif self.active is local and self._may_return(is_remote_bad, is_remote_good, now):
            self._switch(self._remote)
        elif self.active is self._remote and self._is_local_wanted and is_remote_good:
            self._is_local_wanted = False
            local.stop()
        elif self._remote.good_for_s(now) > MAXIMUM_PROBATION_S:
            self._probation_s = PROBATION_S

    def _may_return(self, is_remote_bad: bool, is_remote_good: bool, now: float) -> bool:  # noqa: FBT001
        """Whether the remote server is to be heard again: proven good, or the lesser evil."""
        local_is_worse = self._local is not None and self._local.is_failing(now)
        return is_remote_good or (local_is_worse and not is_remote_bad and self._remote.is_flowing)

    def _switch(self, upstream: Upstream) -> None:
        self.active = upstream
        self.switches += 1
        if upstream.punctuality is not None:
            upstream.punctuality.forgive()  # else old lateness would send it away at once
        while upstream.held:
            self._forward(upstream.held.popleft())
        if self._is_flushing and upstream.flushed is not None:
            self._tell_flushed(upstream.flushed)  # it came with the last stems


def as_stream_request(request: Open) -> StreamRequest:
    """Return what to ask a server for: its own least round trip, for the way takes the rest."""
    return StreamRequest(
        request.rate_hz,
        request.channels,
        request.max_block_frames,
        request.model,
        request.profile,
        request.stems,
        freewheel=request.freewheel,
        position_samples=request.position_samples,
    )


def _end(stems: Stems) -> int:
    return stems.position_samples + int(stems.samples.shape[2])


def _merged(held: Set, change: Set) -> Set:
    """Return both as one change, the later one winning; model and stems are part of opening."""
    return Set(
        held.stream,
        gains_db=held.gains_db | change.gains_db,
        mute=held.mute if change.mute is None else change.mute,
        solo=held.solo if change.solo is None else change.solo,
    )
