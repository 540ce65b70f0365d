"""Putting stems together: the remainder, gains without clicks, cross-fades, mono and stereo.

Estimated stems and the remainder sum to the dry signal by construction. Gains are linear factors
here, and move along a raised cosine, whose slope starts and ends at zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from dsp.errors import SignalError

FloatArray = npt.NDArray[np.float32]

MIX = "mix"  # the pseudo-stem: all stems with their gains
MAXIMUM_GAIN_DB = 24.0
RAMP_MS = 10.0
CROSS_FADE_MS = 20.0


def write_remainder(estimates: FloatArray, dry: FloatArray, remainder: FloatArray) -> None:
    """Set ``remainder`` [channel, frame] to what [stem, channel, frame] leave over of ``dry``."""
    np.subtract(dry, estimates.sum(axis=0), out=remainder)


def mix_down(estimates: FloatArray, dry: FloatArray, gains: FloatArray) -> FloatArray:
    """Sum estimated stems and remainder with their gains: [channel, frame].

    ``gains`` [stem + 1, frame or 1], the remainder's last. Written as a correction of the dry
    signal, so that equal gains give exactly the dry signal times that gain.
    """
    remainder_gain = gains[-1]
    correction = (gains[:-1] - remainder_gain)[:, None, :]
    return dry * remainder_gain + (estimates * correction).sum(axis=0)


def target_gains(
    stems: Collection[str],
    gains_db: Mapping[str, float],
    mute: Collection[str] = (),
    solo: Collection[str] = (),
) -> FloatArray:
    """Linear gain of every stem, [stem]; mute wins over solo.

    Raises SignalError for a stem there is not, and for a gain above MAXIMUM_GAIN_DB or NaN; minus
    infinity is silence.
    """
    _check_known(stems, [*gains_db, *mute, *solo])
    for stem, gain_db in gains_db.items():
        if not gain_db <= MAXIMUM_GAIN_DB:
            raise SignalError(f"gain of {stem} {gain_db} dB: at most {MAXIMUM_GAIN_DB} dB")
    audible = [stem not in mute and (not solo or stem in solo) for stem in stems]
    linear = [10.0 ** (gains_db.get(stem, 0.0) / 20.0) for stem in stems]
    return np.array(linear, np.float32) * np.array(audible, np.float32)


def ramp_frames(rate_hz: int, duration_ms: float) -> int:
    """Frames of a ramp or cross-fade of that duration; at least one."""
    return max(1, round(rate_hz * duration_ms / 1000.0))


def raised_cosine(frames: int) -> FloatArray:
    """Rise from just above 0 to exactly 1 in ``frames`` steps: [frame]."""
    steps = np.arange(1, frames + 1) / frames
    return (0.5 - 0.5 * np.cos(np.pi * steps)).astype(np.float32)


def cross_fade(old: FloatArray, new: FloatArray, weight: FloatArray) -> FloatArray:
    """From ``old`` to ``new``, [..., frame], by ``weight`` [frame] 0 ... 1.

    Amplitudes add, not powers: both are estimates of the same stem, hence correlated.
    """
    return old + (new - old) * weight


class GainRamp:
    """Gains that move to their targets sample by sample."""

    def __init__(self, gains: FloatArray, frames: int) -> None:
        self._shape = raised_cosine(frames)
        self._start = gains.astype(np.float32)
        self._target = self._start
        self._progress = frames

    @property
    def settled(self) -> bool:
        """No gain is moving."""
        return self._progress == self._shape.size

    def aim(self, target: FloatArray) -> None:
        """Move to ``target`` [stem] from wherever the gains are now."""
        self._start, self._target = self._now(), target.astype(np.float32)
        self._progress = 0

    def advance(self, frames: int) -> FloatArray:
        """Give the gains of the next frames: [stem, frames], or [stem, 1] when settled."""
        if self.settled:
            return self._target[:, None]
        weight = np.ones(frames, np.float32)
        ramp = self._shape[self._progress : self._progress + frames]
        weight[: ramp.size] = ramp
        self._progress += ramp.size
        return self._start[:, None] + (self._target - self._start)[:, None] * weight

    def _now(self) -> FloatArray:
        weight = self._shape[self._progress - 1] if self._progress else np.float32(0.0)
        return self._start + (self._target - self._start) * weight


def to_stereo(samples: FloatArray) -> FloatArray:
    """[1 or 2, frame] to [2, frame]; mono is sent to both sides."""
    return np.repeat(samples, 2, axis=0) if samples.shape[0] == 1 else samples


def to_channels(stems: FloatArray, channels: int) -> FloatArray:
    """[stem, 2, frame] to [stem, channels, frame]; both sides are averaged to mono."""
    return stems.mean(axis=1, keepdims=True) if channels == 1 else stems


def _check_known(stems: Collection[str], named: Collection[str]) -> None:
    unknown = sorted(set(named) - set(stems))
    if unknown:
        raise SignalError(f"stem {', '.join(unknown)}: {', '.join(stems)} allowed")
