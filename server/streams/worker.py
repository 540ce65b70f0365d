"""What each request means to a stream's pipeline, which no other module drives."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import SignalError
from dsp.mixing import MIX
from protocol import (
    Applied,
    Audio,
    Flush,
    Flushed,
    IncompatibleModel,
    InvalidField,
    Message,
    Preroll,
    Seek,
    Set,
    Stems,
    UnknownStem,
)

if TYPE_CHECKING:
    from dsp.pipeline import StemBlock, StreamPipeline
    from dsp.separator import Separator
    from server.lanes.admission import Demand
    from server.streams.counters import Counters

MAXIMUM_STEMS_FRAMES = 8192  # of one answer; longer ones are split


@dataclass(frozen=True, slots=True)
class SwitchModel:
    """A set message whose new model has been loaded."""

    request: Set
    model: str
    model_stems: tuple[str, ...]
    separator: Separator
    demand: Demand | None = None  # of a live stream


Request = Audio | Preroll | Seek | Flush | Set | SwitchModel


class StreamWorker:
    """Answers the requests of one stream, in order, on one thread.

    ``answer`` raises ``protocol.StemsError`` for what the client did wrong; any other exception
    means that the model failed.
    """

    def __init__(
        self,
        stream: int,
        pipeline: StreamPipeline,
        model: str,
        model_stems: tuple[str, ...],
        counters: Counters,
    ) -> None:
        self.stream = stream
        self.is_hop_by_hop = False  # whether audio is computed one hop at a time, see ``go_on``
        self.hop_frames = pipeline.latency.hop
        self._pipeline = pipeline
        self._model = model
        self._model_stems = model_stems
        self._counters = counters
        self._sequence = 0
        self._preroll: list[Preroll] = []

    def answer(self, request: Request) -> Sequence[Message]:
        """Do what is asked; returns what to tell the client."""
        match request:
            case Audio():
                return self._audio(request)
            case Preroll():
                return self._preroll_part(request)
            case Seek():
                self._preroll.clear()
                self._pipeline.seek(request.position_samples)
                return []
            case Flush():
                return self._flush()
            case Set():
                return self._set(request)
            case SwitchModel():
                return self._switch(request)

    @property
    def has_ready_hop(self) -> bool:
        """Whether audio that was taken waits for ``go_on``."""
        return self._pipeline.ready_hops > 0

    @property
    def next_hop_end(self) -> int:
        """Position up to which audio must come before there is a hop to compute."""
        return self._pipeline.next_hop_end

    def go_on(self) -> Sequence[Message]:
        """Compute the next hop of what was taken; all there are unless hop by hop."""
        pipeline = self._pipeline
        return self._computed(pipeline.process_hop if self.is_hop_by_hop else pipeline.process)

    def _audio(self, block: Audio) -> Sequence[Message]:
        try:
            self._pipeline.write(block.position_samples, block.samples)
        except SignalError as error:
            raise InvalidField(f"audio.position_samples: {error}") from error
        return self.go_on()

    def _preroll_part(self, part: Preroll) -> Sequence[Message]:
        """Collect parts; the last one rebuilds the context from all of them."""
        if self._preroll:
            newest = self._preroll[-1]
            expected = newest.position_samples + newest.samples.shape[-1]
            if part.position_samples != expected:
                self._preroll.clear()
                raise InvalidField(
                    f"preroll.position_samples: {part.position_samples} given, {expected} required "
                    "so that the parts join; send the preroll again from its start"
                )
        self._preroll.append(part)
        if part.last:
            samples = np.concatenate([part.samples for part in self._preroll], axis=1)
            start_samples = self._preroll[0].position_samples
            self._preroll.clear()
            self._pipeline.preroll(start_samples, samples)
        return []

    def _flush(self) -> Sequence[Message]:
        answers = self._computed(self._pipeline.flush)
        return [*answers, Flushed(self.stream, self._pipeline.position_samples)]

    def _set(self, request: Set) -> Sequence[Message]:
        self._check_stems(request, self._model_stems)
        self._mix(request)
        if request.stems is not None:
            self._pipeline.set_stems(request.stems)
        return [self._applied()]

    def _switch(self, switch: SwitchModel) -> Sequence[Message]:
        request = switch.request
        self._check_stems(request, switch.model_stems)
        try:
            self._pipeline.switch(switch.separator, switch.model_stems, self._stems_after(switch))
        except SignalError as error:
            raise IncompatibleModel(f"model {switch.model!r}: {error}") from error
        self._model, self._model_stems = switch.model, switch.model_stems
        self._mix(request)
        return [self._applied()]

    def _stems_after(self, switch: SwitchModel) -> tuple[str, ...]:
        """Return the stems to send from a new model: as before if it has them all, else its own."""
        if switch.request.stems is not None:
            return switch.request.stems
        has_all = {*self._pipeline.stems} <= {*switch.model_stems, MIX}
        return self._pipeline.stems if has_all else ()

    def _mix(self, request: Set) -> None:
        try:
            self._pipeline.set_mix(request.gains_db, request.mute, request.solo)
        except SignalError as error:
            raise InvalidField(f"set: {error}") from error

    def _check_stems(self, request: Set, model_stems: tuple[str, ...]) -> None:
        """Raise UnknownStem unless every name is the model's; only output may be mix."""
        mixed = {*request.gains_db, *(request.mute or ()), *(request.solo or ())}
        unknown = (mixed - {*model_stems}) | ({*(request.stems or ())} - {*model_stems, MIX})
        if unknown:
            raise UnknownStem(
                f"stem {', '.join(map(repr, sorted(unknown)))}: {', '.join(model_stems)} allowed"
            )

    def _applied(self) -> Applied:
        position_samples = self._pipeline.position_samples
        return Applied(self.stream, position_samples, self._model, self._pipeline.stems)

    def _computed(self, compute: Callable[[], list[StemBlock]]) -> list[Message]:
        """Run the pipeline; the first of the stems says what all of them cost."""
        started = time.perf_counter()
        blocks = compute()
        compute_us = round((time.perf_counter() - started) * 1e6)
        self._counters.lost_frames = self._pipeline.counters.lost_frames
        parts = [
            (block, start)
            for block in blocks
            for start in range(0, block.samples.shape[-1], MAXIMUM_STEMS_FRAMES)
        ]
        return [
            self._stems_part(block, start, 0 if index else compute_us)
            for index, (block, start) in enumerate(parts)
        ]

    def _stems_part(self, block: StemBlock, start: int, compute_us: int) -> Stems:
        self._sequence += 1
        return Stems(
            stream=self.stream,
            sequence=self._sequence - 1,
            position_samples=block.position_samples + start,
            stems=block.stems,
            samples=block.samples[..., start : start + MAXIMUM_STEMS_FRAMES],
            dropped_frames=self._counters.missing_frames,
            compute_us=compute_us,
        )
