"""Any function of a window as a streaming separator, by running it again at every hop.

A network that does not stream takes part like this: one that looks into the future, or a model
that a user brings, such as an exported graph. The rolling window is the whole state; near its edges
a network knows too little, so only a stretch inside is kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsp.errors import SignalError
from dsp.separator import FloatArray, Profile

CHANNELS = 2
MAXIMUM_WINDOW_SECONDS = 8

WindowFunction = Callable[[FloatArray, slice], FloatArray]
"""``separate(window, keep)``: the stems of the samples to keep of a window.

``window`` [channel, sample] float32; returns [stem, channel, keep.stop - keep.start]. Must depend
on nothing else, for the state is rebuilt by giving it the same window again.
"""


def whole_window(separate: Callable[[FloatArray], FloatArray]) -> WindowFunction:
    """Adapt a function of whole windows, [channel, sample] -> [stem, channel, sample]."""
    return lambda window, keep: separate(window)[..., keep]


class WindowedSeparator:
    """Runs a function on the last ``window_samples``; implements ``dsp.separator.Separator``.

    A sample is kept from the run in which ``profile.delay_samples`` of its future are in the
    window. With ``cross_fade_samples`` each run goes on that much further, and the next one takes
    over from it gradually, for functions whose answer jumps from run to run; the profile's
    synthesis overlap must cover it. Windows end at multiples of the hop, counted from position 0.
    """

    def __init__(
        self,
        separate: WindowFunction,
        *,
        stems: tuple[str, ...],
        profile: Profile,
        rate_hz: int,
        window_samples: int,
        cross_fade_samples: int = 0,
    ) -> None:
        """Raise SignalError where the window cannot hold what the profile promises."""
        self.rate_hz = rate_hz
        self.stems = stems
        self.profile = profile
        self._separate = separate
        self._check_lengths(window_samples, cross_fade_samples)
        self._window = np.zeros((CHANNELS, window_samples), np.float32)
        start = window_samples - profile.delay_samples - profile.hop_samples
        self._keep = slice(start, start + profile.hop_samples + cross_fade_samples)
        self._tail = np.zeros((len(stems), CHANNELS, cross_fade_samples), np.float32)
        self._fade_in = _fade_in(cross_fade_samples)

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [stem, channel, n * hop]; raises SignalError for another shape."""
        self._check_frames(frames)
        stems = np.empty((len(self.stems), *frames.shape), np.float32)
        hop = self.profile.hop_samples
        for start in range(0, frames.shape[1], hop):
            self._roll(frames[:, start : start + hop])
            stems[..., start : start + hop] = self._advance()
        return stems

    def reset(self, position_samples: int = 0) -> None:
        """Empty the window; raises SignalError for a position off the grid of hops."""
        if position_samples % self.profile.hop_samples:
            raise SignalError(
                f"position {position_samples}: a multiple of {self.profile.hop_samples} expected"
            )
        self._window.fill(0.0)
        self._tail.fill(0.0)

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Fill the window from the end of ``history``: one run, for what fades out."""
        self._check_frames(history)
        self.reset(position_samples)
        self._roll(history)
        if self._fade_in.size:
            self._tail = self._run()[..., self.profile.hop_samples :]

    def _advance(self) -> FloatArray:
        hop, fade = self.profile.hop_samples, self._fade_in.size
        fresh = self._run()
        fresh[..., :fade] = self._tail + self._fade_in * (fresh[..., :fade] - self._tail)
        self._tail = fresh[..., hop:]
        return fresh[..., :hop]

    def _run(self) -> FloatArray:
        keep = self._keep
        stems = np.array(self._separate(self._window, keep), np.float32)
        expected = (len(self.stems), CHANNELS, keep.stop - keep.start)
        if stems.shape != expected:
            raise SignalError(f"the model gave stems {stems.shape}: {expected} expected")
        return stems

    def _roll(self, samples: FloatArray) -> None:
        newest = samples[:, -self._window.shape[1] :]
        kept = self._window[:, newest.shape[1] :].copy()
        self._window = np.concatenate([kept, newest], axis=1)

    def _check_frames(self, frames: FloatArray) -> None:
        hop = self.profile.hop_samples
        if frames.ndim != 2 or frames.shape[0] != CHANNELS or frames.shape[1] % hop:
            raise SignalError(f"frames {frames.shape}: [{CHANNELS}, n * {hop}] expected")

    def _check_lengths(self, window_samples: int, cross_fade_samples: int) -> None:
        profile = self.profile
        least = profile.hop_samples + profile.delay_samples
        most = MAXIMUM_WINDOW_SECONDS * self.rate_hz
        if not least <= window_samples <= most:
            raise SignalError(f"window of {window_samples} samples: {least} to {most} allowed")
        most = min(profile.synthesis_overlap_samples, profile.hop_samples)
        if not 0 <= cross_fade_samples <= most:
            raise SignalError(f"cross-fade of {cross_fade_samples} samples: 0 to {most} allowed")


def _fade_in(samples: int) -> FloatArray:
    """Rise from 0 to 1 along half a period of the cosine: [sample]."""
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(samples) + 0.5) / max(samples, 1))
    return rise.astype(np.float32)
