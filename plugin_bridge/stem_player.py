"""What the host hears: the stems of ``position - latency``, or the fallback in their place."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from plugin_bridge.fallback import Fallback
from plugin_bridge.history import DryHistory
from plugin_bridge.stem_ring import BoolArray, StemRing
from protocol import FloatArray, Stems

MIX: Final = "mix"  # the pseudo-stem that falls back to dry audio; all others fall back to silence


class StemPlayer:
    """Dry audio in, stems written by position, output read a constant latency behind the input.

    ``position_samples`` counts the host's input; output before the origin (the start, or the last
    seek) is silence and never counts as late.
    """

    def __init__(
        self,
        stems: Sequence[str],
        channels: int,
        rate_hz: int,
        *,
        latency_samples: int,
        max_block_frames: int,
        history_frames: int,
        position_samples: int = 0,
    ) -> None:
        self.stems = tuple(stems)
        self.position_samples = position_samples
        self.late_blocks = 0
        self.late_frames = 0
        self.fallbacks = 0
        self.refused_frames = 0
        self._latency = latency_samples
        self._channels = channels
        self._origin = position_samples
        kept = history_frames + latency_samples + max_block_frames
        self._history = DryHistory(channels, kept, position_samples)
        ahead = latency_samples + 2 * max_block_frames
        self._ring = StemRing(stems, channels, ahead, position_samples - latency_samples)
        self._fallback = Fallback(stems, channels, rate_hz)
        self._layouts: deque[tuple[int, tuple[str, ...]]] = deque()
        self.is_late = False

    @property
    def ready_frames(self) -> int:
        """How many frames of stems have arrived ahead of what has been played."""
        return self._ring.written_samples - self._ring.read_samples

    @property
    def latest_stems(self) -> tuple[str, ...]:
        """The stems after every change that has been applied."""
        return self._layouts[-1][1] if self._layouts else self.stems

    def past(self, frames: int) -> tuple[int, FloatArray]:
        """Return the newest dry audio, at most ``frames`` of it, and its position."""
        first = max(self._history.start_samples, self._origin, self.position_samples - frames)
        return first, self._history.read(first, self.position_samples - first)

    def put(self, message: Stems) -> None:
        """Keep stems until their time comes; what comes after its time is counted, not played."""
        self._ring.add_rows(message.stems)
        self.refused_frames += self._ring.write(
            message.position_samples, message.stems, message.samples
        )

    def change_stems(self, position_samples: int, stems: Sequence[str]) -> None:
        """Play these stems from this position on, in this order."""
        self._ring.add_rows(stems)
        self._layouts.append((position_samples, tuple(stems)))

    def play(self, block: FloatArray) -> FloatArray:
        """Take the host's ``block`` [channel, frame]; return as much, [stem, channel, frame]."""
        frames = block.shape[1]
        self._history.write(block)
        self.position_samples += frames
        start = self.position_samples - frames - self._latency
        self._apply_layouts(start)
        samples, valid = self._ring.read(self.stems, frames)
        before = min(frames, max(0, self._origin - start))
        samples[:, :, :before] = 0
        valid[:, :before] = True
        self._count_late(valid)
        return self._fallback.apply(samples, valid, self._instead(start, frames))

    def seek(self, position_samples: int) -> None:
        """Forget everything; the next block has this position."""
        self.position_samples = self._origin = position_samples
        self._history.reset(position_samples)
        self._ring.reset(position_samples - self._latency)
        self._fallback.jump()
        self._layouts = deque((position_samples - self._latency, s) for _, s in self._layouts)

    def _apply_layouts(self, start: int) -> None:
        while self._layouts and self._layouts[0][0] <= start:
            _, self.stems = self._layouts.popleft()
            self._fallback.rename(self.stems)

    def _count_late(self, valid: BoolArray) -> None:
        """Count frames of which no stem at all arrived."""
        late = int(np.count_nonzero(~valid.any(axis=0)))
        self.late_frames += late
        self.late_blocks += late > 0
        self.fallbacks += late > 0 and not self.is_late
        self.is_late = late > 0

    def _instead(self, start: int, frames: int) -> FloatArray:
        """Return what is played where stems are missing, [stem, channel, frame]."""
        instead = np.zeros((len(self.stems), self._channels, frames), np.float32)
        if MIX in self.stems:
            instead[self.stems.index(MIX)] = self._history.read(start, frames)
        return instead
