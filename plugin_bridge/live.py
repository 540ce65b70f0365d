"""Separation in real time: a block in, the stems of a constant time ago out, never waiting."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from plugin_bridge.audio_input import as_block
from plugin_bridge.closeable import Closeable
from plugin_bridge.connection import Connection
from plugin_bridge.handshake import STREAM, Accepted, StreamRequest
from plugin_bridge.latency import LatencyBudget, latency_budget
from plugin_bridge.live_changes import LiveChanges
from plugin_bridge.live_link import Dial, LinkState, LiveLink, Wire
from plugin_bridge.live_statistics import LiveStatistics, RoundTrips
from plugin_bridge.session import OwnedServer, as_change
from plugin_bridge.stem_player import StemPlayer
from protocol import (
    DEFAULT_LIMITS,
    Applied,
    Audio,
    Close,
    Closed,
    Error,
    FloatArray,
    Message,
    Preroll,
    RequestRefused,
    Seek,
    Stems,
    UnexpectedMessage,
    UnknownStream,
)

LOSS_MARGIN_S: Final = 1.0  # beyond the latency: a pause may end, a reconnect costs a rebuild
REBUILD_PATIENCE_S: Final = 10.0  # for the first stems after pre-roll
BLOCKED_SEND_S: Final = 0.1
HISTORY_SECONDS: Final = 8
_TIMED_BLOCKS: Final = 4096


class LiveSession(Closeable):
    """One stream in real time; ``process`` belongs to one thread, the audio thread.

    ``latency.total`` is constant from the start to the end, whatever the server does;
    ``minimum_round_trip_samples`` is the least of that term which the server takes. Output falls
    back to aligned dry audio (stem ``mix``) or silence (all others) where stems are late, and comes
    back by itself. ``on_stems``, if set, is called in ``process`` with every stems message that
    arrives: for meters and measurements.
    """

    def __init__(
        self,
        endpoint: str,
        request: StreamRequest,
        wire: Wire,
        accepted: Accepted,
        *,
        server: OwnedServer | None = None,
        dial: Dial = Connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Run the stream that has been opened on ``wire`` (see ``connect_live``)."""
        opened = accepted.opened
        round_trip = request.round_trip_samples
        self.latency: LatencyBudget = latency_budget(
            opened.latency, request.max_block_frames, round_trip
        )
        self.minimum_round_trip_samples = opened.minimum_round_trip_samples
        self._total_samples = self.latency.total
        self.model = opened.model
        self.rate_hz = request.rate_hz
        self._request = request
        self._server = server
        self._clock = clock
        self._link = LiveLink(endpoint, request, wire, dial=dial, clock=clock)
        self._changes = LiveChanges()
        self._player = StemPlayer(
            opened.stems,
            request.channels,
            request.rate_hz,
            latency_samples=self.latency.total,
            max_block_frames=request.max_block_frames,
            history_frames=max(opened.preroll_frames, HISTORY_SECONDS * request.rate_hz),
            position_samples=request.position_samples,
        )
        self._round_trips = RoundTrips()
        self._sent: deque[tuple[int, float]] = deque(maxlen=_TIMED_BLOCKS)  # (end, moment)
        self.on_stems: Callable[[Stems], object] | None = None
        self._blocks = self._sequence = self._unsent_blocks = 0
        self._dropped_frames = self._dropped_before = 0
        self._headroom_samples: int | None = None
        self._start_waiting(request.position_samples)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that ``process`` returns, in order."""
        return self._player.stems

    @property
    def state(self) -> str:
        """``live``, ``lost``, ``connecting`` or ``opening``."""
        return str(self._link.state)

    @property
    def position_samples(self) -> int:
        """Position of the next block."""
        return self._player.position_samples

    def process(self, block: Any) -> FloatArray:
        """Take a block [channel, frame] of any length up to ``max_block_frames``.

        Returns as many frames of stems, [stem, channel, frame], ``latency.total`` samples behind
        the input. Never waits, and never raises because of the server.

        Raises BadAudio for a block that the stream cannot take.
        """
        samples = as_block(block, self._request.channels, self._request.max_block_frames)
        if samples.shape[1]:
            self._talk(samples)
            self._blocks += 1
        output = self._player.play(samples)
        self._measure_headroom()
        return output

    def set(
        self,
        *,
        gains_db: Mapping[str, float] | None = None,
        mute: Sequence[str] | None = None,
        solo: Sequence[str] | None = None,
        stems: Sequence[str] | None = None,
        model: str | None = None,
    ) -> None:
        """Have the next block ask for a change; from any thread, and it does not wait.

        ``stems`` changes, click-free, when stems or model have. What the server refuses is in
        ``statistics.last_error``. Raises ``protocol.InvalidField`` for values out of range.
        """
        self._changes.ask(as_change(gains_db, mute, solo, stems, model))

    def seek(self, position_samples: int) -> None:
        """Give the next block this position, 0 or more, and start its context anew."""
        self._player.seek(position_samples)
        self._start_waiting(position_samples)
        if self._link.state is LinkState.LIVE:
            self._link.try_send(Seek(STREAM, position_samples))
            self._link.try_send(self._changes.barrier())

    @property
    def statistics(self) -> LiveStatistics:
        """What happened so far."""
        player, link = self._player, self._link
        return LiveStatistics(
            state=self.state,
            blocks=self._blocks,
            late_blocks=player.late_blocks,
            late_frames=player.late_frames,
            fallbacks=player.fallbacks,
            refused_frames=player.refused_frames,
            unsent_blocks=self._unsent_blocks,
            dropped_frames=self._dropped_before + self._dropped_frames,
            losses=link.losses,
            reconnects=link.reconnects,
            round_trip_p50_samples=self._round_trips.quantile_samples(0.5),
            round_trip_p99_samples=self._round_trips.quantile_samples(0.99),
            round_trip_max_samples=self._round_trips.maximum_samples,
            headroom_min_samples=self._headroom_samples or 0,
            last_error=link.last_error,
        )

    def close(self) -> None:
        """End the stream, and the server if it is the session's own."""
        self._link.try_send(Close(STREAM))
        self._link.close()
        if self._server is not None:
            self._server.close()

    def _talk(self, samples: FloatArray) -> None:
        """Everything that concerns the server: find it again, send, receive, notice its absence."""
        accepted = self._link.advance(self.position_samples)
        if accepted is not None:
            self._resume(accepted)
        if self._link.state is not LinkState.LIVE:
            return
        for change in self._changes.outgoing():
            self._link.try_send(change)
        self._send(samples)
        for message in self._link.receive():
            self._receive(message)
        self._notice_loss()

    def _send(self, samples: FloatArray) -> None:
        end, now = self.position_samples + samples.shape[1], self._clock()
        if self._link.try_send(Audio(STREAM, self._sequence, self.position_samples, samples)):
            self._sequence += 1
            self._blocked_since = now
            self._sent.append((end, now))
        else:
            self._unsent_blocks += 1
        self._sent_samples = end

    def _receive(self, message: Message) -> None:
        match message:
            case Stems():
                self._receive_stems(message)
            case Applied():
                self._receive_applied(message)
            case Closed():
                self._link.lose("the server closed the stream")
            case Error():
                self._receive_error(message)
            case _:
                pass  # an answer to a ping, or a kind that a newer server may send

    def _receive_stems(self, message: Stems) -> None:
        if self._changes.is_stale:
            return
        if self.on_stems is not None:
            self.on_stems(message)
        self._player.put(message)
        self._dropped_frames = message.dropped_frames
        self._heard_at, self._patience_s = self._clock(), LOSS_MARGIN_S
        self._stems_samples = message.position_samples + message.samples.shape[2]
        self._is_flowing = True
        self._link.proved_good()
        self._measure_round_trip()

    def _measure_round_trip(self) -> None:
        """Count the time since the block went out that completed these stems' last hop."""
        terms = self.latency
        needed = self._stems_samples + terms.synthesis_overlap + terms.look_ahead + terms.resampler
        while self._sent and self._sent[0][0] < needed:
            self._sent.popleft()
        if self._sent:
            seconds = self._heard_at - self._sent[0][1]
            self._round_trips.add(round(seconds * self.rate_hz))

    def _measure_headroom(self) -> None:
        """Note how far ahead stems are, unless they are missing: that is counted as late."""
        if self._is_flowing and not self._player.is_late:
            ready, known = self._player.ready_frames, self._headroom_samples
            self._headroom_samples = ready if known is None else min(known, ready)

    def _receive_applied(self, message: Applied) -> None:
        self._changes.applied()
        self.model = message.model
        self._link.request = replace(self._link.request, model=message.model, stems=message.stems)
        if message.stems != self._player.latest_stems:
            self._player.change_stems(message.position_samples, message.stems)

    def _receive_error(self, message: Error) -> None:
        """Go on after a refusal; start anew when the stream or the server is gone."""
        error = message.exception()
        refused = isinstance(error, RequestRefused) and not isinstance(error, UnknownStream)
        ignored = message.code.startswith("E1") and not (
            isinstance(error, UnexpectedMessage) and message.stream is None
        )
        if refused or ignored:
            self._changes.refused()
            self._link.last_error = str(error)
        else:
            self._link.lose(str(error))

    def _notice_loss(self) -> None:
        """Give the server up when sending has failed, or stems have stayed away, for too long."""
        now = self._clock()
        behind = self._sent_samples - self._stems_samples - self._total_samples
        if now - self._blocked_since > BLOCKED_SEND_S:
            self._link.lose("the server takes no more audio")
        elif behind > LOSS_MARGIN_S * self.rate_hz and now - self._heard_at > self._patience_s:
            self._link.lose("the server sends no more stems")

    def _resume(self, accepted: Accepted) -> None:
        """Give a new server the past, so that its first stems have full context."""
        if accepted.opened.latency.total > self.latency.total - self._own_latency():
            self._link.lose("the server now needs more latency than was reported to the host")
            return
        self._dropped_before += self._dropped_frames
        self._dropped_frames = 0
        first, past = self._player.past(accepted.opened.preroll_frames)
        for message in preroll(first, past):
            self._link.try_send(message)
        self._changes.start_over()
        self._start_waiting(self.position_samples)
        self._patience_s = REBUILD_PATIENCE_S

    def _own_latency(self) -> int:
        return self.latency.block_adaptation + self.latency.round_trip

    def _start_waiting(self, position_samples: int) -> None:
        """Expect stems from this position on."""
        self._sent.clear()
        self._sent_samples = self._stems_samples = position_samples
        self._heard_at = self._blocked_since = self._clock()
        self._patience_s = REBUILD_PATIENCE_S
        self._is_flowing = False


def preroll(position_samples: int, past: FloatArray) -> list[Message]:
    """Return the messages that give a server the dry audio of the past, in parts it can take.

    Without any past the stream is told where it is.
    """
    frames = past.shape[1]
    if not frames:
        return [Seek(STREAM, position_samples)]
    cuts = range(0, frames, DEFAULT_LIMITS.maximum_part_frames)
    return [
        Preroll(
            STREAM,
            position_samples + first,
            past[:, first : first + cuts.step],
            last=first + cuts.step >= frames,
        )
        for first in cuts
    ]
