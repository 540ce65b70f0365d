"""A light model whose output depends on seconds of context: without pre-roll it cannot be right.

The diagnostic model's stems, and in ``vocals`` an echo of what was played ``ECHO_FRAMES`` before.
A test may hold it or have it fail at a marked sample.
"""

import numpy as np

from dsp.networks.fixed_gains import FixedGainsSeparator

ECHO_FRAMES = 4 * 44100  # a multiple of no hop
ECHO_GAIN = np.float32(0.25)

_make, _delay = FixedGainsSeparator.__init__, FixedGainsSeparator._delay


def install():
    """Put the echo into every separator that is made from now on, in this process."""
    FixedGainsSeparator.__init__ = _init
    FixedGainsSeparator.push = _push
    FixedGainsSeparator.reset = _reset
    FixedGainsSeparator.rebuild = _rebuild


def stems_of(dry):
    """Return what the model makes of a dry signal from its start: [stem, channel, frame]."""
    echo = np.zeros_like(dry)
    echo[:, ECHO_FRAMES:] = dry[:, : max(0, dry.shape[1] - ECHO_FRAMES)]
    vocals = dry * np.float32(0.5) + echo * ECHO_GAIN
    drums = dry * np.float32(0.25)
    return np.stack([vocals, drums, dry - (vocals + drums)])


def _init(self, profile):
    _make(self, profile)
    self._echo = np.zeros((2, ECHO_FRAMES), np.float32)


def _push(self, frames):
    now = _delay(self, frames)
    joined = np.concatenate([self._echo, now], axis=1)
    self._echo = joined[:, now.shape[1] :]
    stems = self._gains * now
    stems[0] += joined[:, : now.shape[1]] * ECHO_GAIN
    return stems


def _reset(self, position_samples=0):
    assert position_samples % self.profile.hop_samples == 0
    self._past.fill(0.0)
    self._echo.fill(0.0)


def _rebuild(self, history, position_samples):
    self.reset(position_samples)
    _push(self, history)
