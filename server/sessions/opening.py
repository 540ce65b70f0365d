"""Opening streams: loads models, builds pipelines and warms them up, off the I/O thread.

One thread does it, so that running streams are not disturbed, and two streams that ask for the same
model load it once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

import dsp
from dsp.mixing import MIX
from dsp.pipeline import CONTEXT_SECONDS, StreamPipeline
from dsp.separator import Lane
from protocol import Latency, LatencyTooSmall, Open, Opened, UnknownStem
from server.errors import WarmUpError
from server.lanes.admission import Admission, Demand
from server.lanes.priority import PREPARING_PRIORITY, claim_realtime, yield_to_others
from server.streams.counters import Counters
from server.streams.worker import StreamWorker, SwitchModel

if TYPE_CHECKING:
    from dsp.networks.registry import Model
    from dsp.separator import Profile
    from protocol import Set
    from server.config import ServerConfig
    from server.lanes.hop_costs import HopCosts
    from server.sessions.peers import Stream
    from server.streams.catalogue import Catalogue

ROUND_TRIP_MARGIN = 1.1  # on the costliest hop, for transport
ROUND_TRIP_GRID_SAMPLES = 64  # so that runs of one machine agree
WARM_UP_RATES_HZ = (44100, 48000)  # without and with resamplers
CREDIT_BLOCKS = 8
CREDIT_SECONDS = 1.0

Result = TypeVar("Result")
OnFailed = Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Opening:
    """A stream ready to run."""

    opened: Opened
    worker: StreamWorker
    lane: Lane
    answer_within_s: float
    live_frames: int  # of a live stream: what its latency allows to wait
    inbox_frames: int  # of a live stream: input that may wait, to be caught up with
    demand: Demand | None = None  # of a live stream: what it must be promised


class StreamOpener:
    """Runs the slow part of opening; the callbacks are called on its thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        config: ServerConfig,
        costs: HopCosts,
        admission: Admission[Stream],
    ) -> None:
        self._catalogue = catalogue
        self._costs = costs
        self._admission = admission
        self._default_model = config.model
        self._warm_profile = config.profile
        self._catch_up_ms = config.queues.catch_up_ms
        self._executor = ThreadPoolExecutor(1, "opener", _prepare)

    def warm_up(self) -> None:
        """Compile, load the start model, open a stream of each kind of rate; raises WarmUpError.

        Where the profile is one of the background lane, lossless ones, whose hops are not timed:
        some seconds of audio each, they would keep whoever separates a file waiting.
        """
        name, profile = self._default_model, self._warm_profile
        try:
            dsp.warm_up()
            model = self._catalogue.model(name)
            is_lossless = self._catalogue.profile(model, profile).lane is Lane.BACKGROUND
            for rate_hz in WARM_UP_RATES_HZ:
                request = Open(0, rate_hz, 2, 256, name, profile, freewheel=is_lossless)
                self._opening(request, Counters())
            if is_lossless:
                separator = self._catalogue.separator(model, profile)
                separator.push(np.zeros((2, separator.profile.hop_samples), np.float32))
        except Exception as error:
            raise WarmUpError(f"model {name!r}, profile {profile!r}: {error}") from error

    def open(
        self,
        request: Open,
        counters: Counters,
        on_opened: Callable[[Opening], None],
        on_failed: OnFailed,
    ) -> None:
        """Build what ``request`` asks for."""
        self._submit(lambda: self._opening(request, counters), on_opened, on_failed)

    def switch(
        self,
        opened: Open,
        request: Set,
        on_loaded: Callable[[SwitchModel], None],
        on_failed: OnFailed,
    ) -> None:
        """Load the model that a running stream is to change to, in the stream's profile."""
        self._submit(lambda: self._switch(opened, request), on_loaded, on_failed)

    def stop(self) -> None:
        """Finish what runs, forget what waits."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(
        self, work: Callable[[], Result], on_done: Callable[[Result], None], on_failed: OnFailed
    ) -> None:
        def finish(future: Future[Result]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                on_done(future.result())
            elif isinstance(error, Exception):
                on_failed(error)

        self._executor.submit(work).add_done_callback(finish)

    def _opening(self, request: Open, counters: Counters) -> Opening:
        model = self._catalogue.model(request.model or self._default_model)
        profile = self._catalogue.profile(model, request.profile)
        check_stems(request.stems, model.stems)
        minimum = self._minimum_round_trip(model, request)
        round_trip = max(minimum, request.round_trip_samples)
        demand = self._demand(model, profile, request, round_trip)
        if demand is not None:
            self._admission.check(demand)  # before anything is spent on it
        pipeline = self._pipeline(model, request)
        kept = min(round_trip, CONTEXT_SECONDS * request.rate_hz)  # a queue never holds more
        live_frames = pipeline.latency.total + request.max_block_frames + kept
        opened = _opened(request, model, pipeline, minimum)
        worker = StreamWorker(request.stream, pipeline, model.name, tuple(model.stems), counters)
        worker.is_hop_by_hop = not request.freewheel
        return Opening(
            opened,
            worker,
            # A lossless client has no deadline: its long pushes must not stand before live ones.
            Lane.BACKGROUND if request.freewheel else profile.lane,
            round_trip / request.rate_hz,
            live_frames,
            live_frames + self._catch_up_frames(request.rate_hz),
            demand,
        )

    def _switch(self, opened: Open, request: Set) -> SwitchModel:
        model = self._catalogue.model(request.model or self._default_model)
        profile = self._catalogue.profile(model, opened.profile)
        seconds = self._catalogue.hop_seconds(model, opened.profile)
        granted = max(opened.round_trip_samples, round_trip_samples(seconds, opened.rate_hz))
        demand = self._demand(model, profile, opened, granted)
        separator = self._catalogue.separator(model, opened.profile)
        return SwitchModel(request, model.name, tuple(model.stems), separator, demand)

    def _demand(
        self, model: Model, profile: Profile, request: Open, round_trip_samples: int
    ) -> Demand | None:
        """Return what a live stream asks of its lane, its costs being known from now on."""
        if request.freewheel:
            return None
        kind = (model.name, profile.name)
        self._costs.start(kind, self._catalogue.hops(model, profile.name))
        return Demand(
            kind,
            profile.lane,
            profile.hop_samples / self._catalogue.rate_hz(model.name),
            round_trip_samples / request.rate_hz,
        )

    def _pipeline(self, model: Model, request: Open) -> StreamPipeline:
        """Build the stream's pipeline; a live one has run before its first block comes."""
        pipeline = StreamPipeline(
            self._catalogue.separator(model, request.profile),
            rate_hz=request.rate_hz,
            channels=request.channels,
            model_stems=model.stems,
            stems=request.stems,
            max_block_frames=request.max_block_frames,
            position_samples=request.position_samples,
        )
        if not request.freewheel:
            silence = np.zeros((request.channels, 2 * pipeline.latency.hop), np.float32)
            pipeline.push(request.position_samples, silence)
            pipeline.seek(request.position_samples)
        return pipeline

    def _minimum_round_trip(self, model: Model, request: Open) -> int:
        """Return the smallest budget in samples; raises LatencyTooSmall where less is granted."""
        if request.freewheel:
            return 0
        seconds = self._catalogue.hop_seconds(model, request.profile)
        minimum = round_trip_samples(seconds, request.rate_hz)
        if request.round_trip_samples and request.round_trip_samples < minimum:
            raise LatencyTooSmall(
                f"round trip of {request.round_trip_samples} samples: {minimum} or more needed on "
                "this machine"
            )
        return minimum

    def _catch_up_frames(self, rate_hz: int) -> int:
        """Return the input kept beyond the latency while a rebuild or a pause holds a stream up.

        Its stems come too late to be heard, but dropping it would leave a hole in the context,
        which costs as much to compute as audio and is heard for seconds.
        """
        return math.ceil(self._catch_up_ms * rate_hz / 1000)


def _prepare() -> None:
    """Take the priority of preparations, or the lowest where the system grants none.

    What a thread of low priority holds, the interpreter's lock, live threads wait for: on a machine
    that is busy with other work that took a tenth of a second and more.
    """
    if not claim_realtime(PREPARING_PRIORITY):
        yield_to_others()


def round_trip_samples(hop_seconds: float, rate_hz: int) -> int:
    """Return the budget that a hop of that cost needs, on a coarse grid."""
    samples = hop_seconds * ROUND_TRIP_MARGIN * rate_hz
    return math.ceil(samples / ROUND_TRIP_GRID_SAMPLES) * ROUND_TRIP_GRID_SAMPLES


def check_stems(requested: tuple[str, ...], model_stems: tuple[str, ...]) -> None:
    """Raise UnknownStem unless every name is the model's or mix."""
    unknown = [stem for stem in requested if stem not in (*model_stems, MIX)]
    if unknown:
        raise UnknownStem(
            f"stem {', '.join(map(repr, unknown))}: {', '.join(model_stems)} or {MIX} allowed"
        )


def _opened(request: Open, model: Model, pipeline: StreamPipeline, minimum: int) -> Opened:
    latency = pipeline.latency
    ahead = max(
        CREDIT_BLOCKS * request.max_block_frames, math.ceil(CREDIT_SECONDS * request.rate_hz)
    )
    return Opened(
        stream=request.stream,
        model=model.name,
        profile=request.profile,
        stems=pipeline.stems,
        latency=Latency(
            latency.hop, latency.synthesis_overlap, latency.look_ahead, latency.resampler
        ),
        minimum_round_trip_samples=minimum,
        credit_frames=latency.total + ahead if request.freewheel else 0,
        preroll_frames=CONTEXT_SECONDS * request.rate_hz,
    )
