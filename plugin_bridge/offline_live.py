"""The live path without the clock: same blocks, same latency, same samples, but it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plugin_bridge.audio_input import as_block
from plugin_bridge.closeable import Closeable
from plugin_bridge.handshake import StreamRequest
from plugin_bridge.latency import LatencyBudget, latency_budget
from plugin_bridge.session import Session
from plugin_bridge.stem_block import StemBlock
from plugin_bridge.stem_player import StemPlayer
from protocol import FloatArray, Stems


class OfflineLiveSession(Closeable):
    """``LiveSession`` for a host that renders faster, or slower, than real time (freewheel).

    ``process`` blocks until the stems that are due have come, and raises ServerLost when they
    cannot come: a render with the voice missing would be worse than none.
    """

    def __init__(self, session: Session, request: StreamRequest, round_trip_samples: int) -> None:
        """Wrap a lossless session of the profile that the live stream would use."""
        self._session = session
        self._request = request
        self.latency: LatencyBudget = latency_budget(
            session.opened.latency, request.max_block_frames, round_trip_samples
        )
        self._player = StemPlayer(
            session.stems,
            request.channels,
            request.rate_hz,
            latency_samples=self.latency.total,
            max_block_frames=request.max_block_frames,
            history_frames=0,
            position_samples=request.position_samples,
        )

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that ``process`` returns, in order."""
        return self._player.stems

    @property
    def position_samples(self) -> int:
        """Position of the next block."""
        return self._player.position_samples

    def process(self, block: Any) -> FloatArray:
        """Take a block [channel, frame]; return as many frames of stems, ``latency.total`` behind.

        Raises BadAudio, ServerLost, or the server's own error.
        """
        samples = as_block(block, self._request.channels, self._request.max_block_frames)
        due = self.position_samples + samples.shape[1] - self.latency.total
        for stems in self._session.exchange_until(samples, due):
            self._put(stems)
        return self._player.play(samples)

    def set(
        self,
        *,
        gains_db: Mapping[str, float] | None = None,
        mute: Sequence[str] | None = None,
        solo: Sequence[str] | None = None,
        stems: Sequence[str] | None = None,
        model: str | None = None,
    ) -> None:
        """Change the stream without a click; see ``Session.set``."""
        position = self._session.set(
            gains_db=gains_db, mute=mute, solo=solo, stems=stems, model=model
        )
        if self._session.stems != self._player.latest_stems:
            self._player.change_stems(position, self._session.stems)

    def seek(self, position_samples: int) -> None:
        """Give the next block this position, 0 or more, and start its context anew."""
        self._session.seek(position_samples)
        self._player.seek(position_samples)

    def close(self) -> None:
        """End the stream, and the server if it is the session's own."""
        self._session.close()

    def _put(self, block: StemBlock) -> None:
        self._player.put(Stems(0, 0, block.position_samples, block.stems, block.samples))
