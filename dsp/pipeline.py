"""One stream from dry blocks to stems: no socket, no clock, no thread.

``write`` stores a block where it belongs (cheap, may be called as blocks arrive); ``process`` runs
the separator on every hop that is full and returns the stems that became ready; ``push`` does both.
All belong to one thread. ``ready_hops`` tells at no cost whether ``process`` has something to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.chain import SeparationChain
from dsp.context import RollingContext
from dsp.errors import SignalError
from dsp.latency import AlgorithmicLatency
from dsp.separator import Separator
from dsp.voice import MixSettings, StemVoice, SwitchFade

FloatArray = npt.NDArray[np.float32]

CONTEXT_SECONDS = 8
# Audio may come this far ahead of what was processed; further is a jump, and a jump is a seek.
BACKLOG_SECONDS = 8
# The most that goes through the separator at once: memory must not depend on the backlog.
_CHUNK_SAMPLES = 8192


@dataclass(frozen=True, slots=True, eq=False)
class StemBlock:
    """Separated stems, aligned with the dry audio at the same position."""

    position_samples: int
    stems: tuple[str, ...]
    samples: FloatArray  # [stem, channel, frame]


@dataclass(frozen=True, slots=True)
class StreamCounters:
    """What was wrong with a stream's input since it was opened."""

    lost_frames: int  # never came, silence in their place
    duplicate_frames: int  # came again, ignored
    stale_frames: int  # came too late, or before the stream's start; ignored
    sanitised_samples: int  # NaN, infinite or beyond the bound, counted in every channel


class StreamPipeline:
    """The dry signal of one stream, separated.

    Positions are host samples. Blocks cover every position from the origin (``position_samples``,
    the last ``seek`` or the end of the last ``preroll``) on exactly once and in order; sample ``n``
    is out once ``n + latency.total`` samples are in. All stems of a model sum to the sanitised dry
    signal.
    """

    def __init__(
        self,
        separator: Separator,
        *,
        rate_hz: int,
        channels: int,
        model_stems: Sequence[str],
        max_block_frames: int,
        stems: Sequence[str] = (),
        reorder_frames: int | None = None,
        position_samples: int = 0,
    ) -> None:
        """Build the stream.

        ``model_stems``: all stems of the model in output order, the remainder among them;
        ``stems``: those wanted, in any order, ``mix`` allowed; empty means all. ``reorder_frames``:
        how far newer audio may run ahead before a gap is given up; two blocks unless told. Raises
        SignalError.
        """
        self._rate_hz, self._channels = rate_hz, channels
        self._reorder_frames = 2 * max_block_frames if reorder_frames is None else reorder_frames
        self._settings = MixSettings()
        self._voice = self._build_voice(separator, model_stems)
        self._source: StemVoice | SwitchFade = self._voice
        self._stems = self._voice.requested(stems)
        self._latency = self._voice.latency
        self._history_frames = CONTEXT_SECONDS * rate_hz
        self._backlog_frames = (
            BACKLOG_SECONDS * rate_hz + self._reorder_frames + self._latency.total
        )
        # What waits takes the place of what is long past, which only a switch would ask for.
        self._context = RollingContext(channels, self._backlog_frames, position_samples)
        self._restart_at(position_samples)

    @property
    def latency(self) -> AlgorithmicLatency:
        """The stream's latency, which no switch changes."""
        return self._latency

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems in the next block."""
        return self._stems

    @property
    def position_samples(self) -> int:
        """Position of the next block: everything before it is out."""
        return self._emitted

    @property
    def counters(self) -> StreamCounters:
        """What was wrong with the input so far."""
        context = self._context
        return StreamCounters(
            context.lost_samples,
            context.duplicate_samples,
            context.stale_samples,
            context.repaired_samples,
        )

    @property
    def ready_hops(self) -> int:
        """How many hops ``process`` would separate now; 0: it has nothing to do."""
        end = self._context.contiguous_end
        if not self._started:
            return int(end > self._emitted)
        return self._source.hops_after(end)

    @property
    def next_hop_end(self) -> int:
        """Position up to which audio must come before ``process`` has something to do again."""
        return self._source.next_hop_end if self._started else self._emitted + 1

    def push(self, position_samples: int, samples: FloatArray) -> list[StemBlock]:
        """Write [channel, frame] of any length at its position and process; see ``write``."""
        blocks = []
        for start in range(0, max(1, samples.shape[-1]), _CHUNK_SAMPLES):
            self.write(position_samples + start, samples[..., start : start + _CHUNK_SAMPLES])
            blocks += self.process()
        return blocks

    def write(self, position_samples: int, samples: FloatArray) -> None:
        """Store a block [channel, frame]; order does not matter, duplicates are ignored.

        A gap becomes silence, and is counted, once newer audio is more than ``reorder_frames``
        ahead of it. Raises SignalError for another shape and for audio too far ahead.
        """
        self._check(samples)
        end, limit = position_samples + samples.shape[1], self._emitted + self._backlog_frames
        if end > limit:
            raise SignalError(
                f"audio up to position {end}: {limit} allowed before more is processed; "
                "seek to jump there"
            )
        self._context.write(position_samples, samples)
        while self._context.newest_end - self._context.contiguous_end > self._reorder_frames:
            self._context.fill_gap()

    def process(self) -> list[StemBlock]:
        """Separate every full hop; returns the blocks that became ready, in order."""
        end = self._context.contiguous_end
        if not self._started and end > self._emitted:
            self._start()
        return self._feed(self._source.full_hops_end(end)) if self._started else []

    def process_hop(self) -> list[StemBlock]:
        """Separate the next full hop only, so that others can have a turn; else as ``process``."""
        if self.ready_hops <= 1:
            return self.process()
        return self._feed(self._source.next_hop_end)

    def preroll(self, position_samples: int, samples: FloatArray) -> None:
        """Rebuild the whole state from [channel, frame], as if it had been streamed.

        Of any length and alignment; only the last CONTEXT_SECONDS are used. Gives no stems: the
        next block begins behind it. Raises SignalError for another shape.
        """
        self._check(samples)
        end = position_samples + samples.shape[1]
        kept = samples[:, max(0, samples.shape[1] - self._history_frames) :]
        self._context.seek(end - kept.shape[1])
        self._context.write(end - kept.shape[1], kept)
        self._restart_at(end)
        self._start()

    def seek(self, position_samples: int) -> None:
        """Forget the context; the next block begins at this position."""
        self._context.seek(position_samples)
        self._restart_at(position_samples)

    def flush(self) -> list[StemBlock]:
        """Give every stem up to the end of what was written, silence assumed behind it.

        Gaps are given up. The stream may go on behind the end, with its context.
        """
        while self._context.fill_gap():
            pass
        blocks = self.process()
        blocks += self._feed(self._context.contiguous_end)
        silence = np.zeros((self._channels, _CHUNK_SAMPLES), np.float32)
        while self._emitted < self._context.contiguous_end:
            self._source.push(silence)
            blocks += self._emit()
        self._restart_at(self._emitted)
        return blocks

    def set_mix(
        self,
        gains_db: Mapping[str, float] | None = None,
        mute: Collection[str] | None = None,
        solo: Collection[str] | None = None,
    ) -> None:
        """Change the ``mix`` pseudo-stem without a click; None leaves as it is.

        Gains are merged with those set before, mute and solo replace them. Raises SignalError for a
        stem there is not or a gain out of range; then nothing has changed.
        """
        settings = self._settings.updated(gains_db, mute, solo)
        self._voice.aim(settings)
        self._settings = settings

    def set_stems(self, stems: Sequence[str]) -> None:
        """Change which stems the next blocks hold; raises SignalError for one there is not."""
        self._stems = self._voice.requested(stems)

    def switch(
        self, separator: Separator, model_stems: Sequence[str], stems: Sequence[str] = ()
    ) -> None:
        """Cross-fade to another separator, rebuilt from the context; no gap, no click.

        The stream's latency stays. A switch during a fade waits for its end; of several, the last
        counts. Raises SignalError when the separator needs more latency, or for stems it has not.
        """
        voice = self._build_voice(separator, model_stems)
        if voice.latency.total > self._latency.total:
            raise SignalError(
                f"latency of {voice.latency.total} samples: the stream has {self._latency.total}; "
                "open a new stream for this model"
            )
        self._stems = voice.requested(stems)
        self._settings = self._settings.limited_to(voice.stems)
        self._voice = voice
        if not self._started:
            self._source = voice
            return
        voice.start(self._history(), self._emitted)
        voice.push(self._context.read(self._emitted, self._fed - self._emitted))
        self._source = SwitchFade(self._switch_from(), voice, self._rate_hz)

    def _build_voice(self, separator: Separator, model_stems: Sequence[str]) -> StemVoice:
        chain = SeparationChain(separator, self._rate_hz, self._channels)
        return StemVoice(chain, model_stems, self._rate_hz, self._settings)

    def _switch_from(self) -> StemVoice | SwitchFade:
        """Tell what is heard now; a fade of which nothing is out yet might as well not be."""
        source = self._source
        return source.old if isinstance(source, SwitchFade) and not source.begun else source

    def _restart_at(self, position: int) -> None:
        """Make this the next sample to take and to give; a fade under way is over."""
        self._emitted = self._fed = position
        self._source = self._voice
        self._started = False

    def _start(self) -> None:
        self._voice.start(self._history(), self._emitted)
        self._started = True

    def _history(self) -> FloatArray:
        """Read the dry signal right before the next block, as far as it is kept and of use."""
        start = max(self._context.oldest, self._emitted - self._history_frames)
        return self._context.read(start, self._emitted - start)

    def _feed(self, end: int) -> list[StemBlock]:
        """Hand on what lies before ``end``; returns the blocks that became ready."""
        blocks: list[StemBlock] = []
        while (frames := min(end - self._fed, _CHUNK_SAMPLES)) > 0:
            self._source.push(self._context.read(self._fed, frames))
            self._fed += frames
            blocks += self._emit()
        return blocks

    def _emit(self) -> list[StemBlock]:
        """Everything that is ready, but nothing behind the end of the input."""
        frames = min(self._source.available_frames, self._context.contiguous_end - self._emitted)
        if frames <= 0:
            return []
        passage = self._source.pop(self._context.read(self._emitted, frames))
        block = StemBlock(self._emitted, self._stems, passage.select(self._stems))
        self._emitted += frames
        if isinstance(self._source, SwitchFade) and self._source.settled:
            self._source = self._source.new
        return [block]

    def _check(self, samples: FloatArray) -> None:
        if samples.ndim != 2 or samples.shape[0] != self._channels:
            raise SignalError(f"samples {samples.shape}: [{self._channels}, n] expected")
