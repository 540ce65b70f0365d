"""A live stream that is struck: played on a clock of the test's, everything heard is checked.

The clock counts the blocks that were played, so what the session finds late or lost depends on
positions, not on how fast this machine is. Between blocks the server gets real time to answer.
"""

import time

import numpy as np
from echo_model import stems_of

from plugin_bridge import connect_live

BLOCK = 512
RATE_HZ = 44100
FADE_FRAMES = 221  # 5 ms
PATIENCE_S = 20
_PAUSE_S = 0.0002
_PACE_S = 0.01  # for stems that are due, while the server is there


class StruckStream:
    """A session of ``mix`` and ``vocals``; ``play`` checks every block that comes out."""

    def __init__(self, endpoint, dry):
        self.dry = dry
        self.due = stems_of(dry)[0]  # vocals
        self.clock_s = 0.0
        self.arrived = []  # (position, frames) of vocals, exact
        self.largest_mix_error = self.largest_step = 0.0
        self._last = None
        self.session = connect_live(
            endpoint,
            max_block_frames=BLOCK,
            round_trip_samples=4 * BLOCK,
            stems=["mix", "vocals"],
            model="fixed-gains",
        )
        self.session._clock = self.session._link._clock = lambda: self.clock_s
        self.session._start_waiting(0)
        self.session.on_stems = self._take
        self.latency = self.session.latency.total

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    @property
    def position(self):
        return self.session.position_samples

    def play(self, *, waits=True):
        """Play one block; with ``waits`` the server is given time to answer it."""
        at = self.position
        heard = self.session.process(self.dry[:, at : at + BLOCK])
        self.clock_s += BLOCK / RATE_HZ
        self._check(heard, at - self.latency)
        time.sleep(_PAUSE_S)
        if waits and self.session.state == "live":
            self.session._link._wire.socket.poll(1000 * _PACE_S)

    def play_until(self, condition, *, waits=True):
        """Play on; returns how many blocks it took."""
        deadline, first = time.monotonic() + PATIENCE_S, self.position
        while not condition():
            assert time.monotonic() < deadline, self.session.statistics
            self.play(waits=waits)
        return (self.position - first) // BLOCK

    def _take(self, stems):
        """Check stems as they arrive: exact, to the bit, at their position."""
        first, frames = stems.position_samples, stems.samples.shape[2]
        vocals = stems.samples[stems.stems.index("vocals")]
        np.testing.assert_array_equal(vocals, self.due[:, first : first + frames])
        self.arrived.append((first, frames))

    def _check(self, heard, first):
        """``mix`` is the aligned dry signal whoever plays it; no stem ever jumps."""
        begin = max(0, -first)
        aligned = self.dry[:, first + begin : first + heard.shape[2]]
        if begin < heard.shape[2]:
            error = np.abs(heard[0, :, begin:] - aligned).max()
            self.largest_mix_error = max(self.largest_mix_error, float(error))
        whole = heard if self._last is None else np.concatenate([self._last, heard], axis=2)
        self.largest_step = max(self.largest_step, float(np.abs(np.diff(whole, axis=2)).max()))
        self._last = heard[:, :, -1:].copy()


def tone(seconds):
    """Return a dry signal without jumps of its own, [channel, frame]; a click stands out."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * 110.0 * time_s) + 0.1 * np.sin(2 * np.pi * 3.7 * time_s)
    return np.stack([wave, -0.5 * wave]).astype(np.float32)


def largest_own_step(dry):
    """Return the largest step that the stems of an undisturbed stream make, fades included."""
    return 1.5 * float(np.abs(np.diff(dry, axis=1)).max()) + 0.75 * np.pi / 2 / FADE_FRAMES
