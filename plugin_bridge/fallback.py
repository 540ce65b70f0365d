"""What is heard when stems are late: aligned dry or silence, faded to and back without a click.

A block that did not arrive cannot be faded out: it is not there. So going down, the distance
between the last sample played and the fallback is held and let decay; going up, the two are
cross-faded. Either way the output is continuous, at every seam and also when one fade interrupts
another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from plugin_bridge.stem_ring import BoolArray
from protocol import FloatArray

FADE_SECONDS: Final = 0.005


class Fallback:
    """Replaces frames that did not arrive, stem by stem; remembers where each stem's fades stand.

    Arrays are [stem, channel, frame]; fades are raised cosines of ``fade_frames``.
    """

    def __init__(self, names: Sequence[str], channels: int, rate_hz: int) -> None:
        self.fade_frames = max(1, math.ceil(FADE_SECONDS * rate_hz))
        phase = np.linspace(0.0, np.pi, self.fade_frames + 1)
        self._fall = (0.5 * (1.0 + np.cos(phase))).astype(np.float32)
        self._rise = (1.0 - self._fall).astype(np.float32)
        self._channels = channels
        self._rows = {name: _Row(channels, self.fade_frames, arrived=True) for name in names}

    def rename(self, names: Sequence[str]) -> None:
        """Watch these stems from now on; those that are new fade in from the fallback."""
        self._rows = {
            name: self._rows.get(name) or _Row(self._channels, self.fade_frames, arrived=False)
            for name in names
        }

    def jump(self) -> None:
        """Let what was played last decay instead of breaking off, because a seek ends it here."""
        for row in self._rows.values():
            row.jump()

    def apply(self, stems: FloatArray, valid: BoolArray, instead: FloatArray) -> FloatArray:
        """Return ``stems`` where ``valid`` [stem, frame], else ``instead``, with fades between."""
        rows = self._rows.values()
        if stems.shape[2] == 0:
            return stems
        if valid.all() and all(row.settled for row in rows):
            output = stems
        else:
            output = np.empty_like(stems)
            for index, row in enumerate(rows):
                self._apply_row(row, stems[index], valid[index], instead[index], output[index])
        for index, row in enumerate(rows):
            row.remember(output[index], instead[index])
        return output

    def _apply_row(
        self,
        state: _Row,
        stem: FloatArray,
        valid: BoolArray,
        instead: FloatArray,
        output: FloatArray,
    ) -> None:
        """Write one row, run by run of frames that have, or have not, arrived."""
        edges = [0, *(np.flatnonzero(valid[1:] != valid[:-1]) + 1), len(valid)]
        for first, last in itertools.pairwise(edges):
            span = slice(first, last)
            if first:
                state.remember(output[:, :first], instead[:, :first])
            state.turn(arrived=bool(valid[first]))
            output[:, span] = state.offset * self._decay(state, last - first)
            weight = self._weight(state, last - first) if valid[first] else np.float32(0)
            # Not instead + (stem - instead) * weight: a stem at full weight must stay bit-exact.
            output[:, span] += instead[:, span] * (1 - weight)
            if valid[first]:
                output[:, span] += stem[:, span] * weight

    def _decay(self, state: _Row, frames: int) -> FloatArray:
        """Return the next weights of the held distance, and move on."""
        at = np.minimum(state.since_down + 1 + np.arange(frames), self.fade_frames)
        state.since_down = int(at[-1])
        return self._fall[at]

    def _weight(self, state: _Row, frames: int) -> FloatArray:
        """Return the next weights of the stem, and move on."""
        at = np.minimum(state.since_up + 1 + np.arange(frames), self.fade_frames)
        state.since_up = int(at[-1])
        return self._rise[at]


class _Row:
    """Where one row's fades stand."""

    def __init__(self, channels: int, fade_frames: int, *, arrived: bool) -> None:
        self._fade_frames = fade_frames
        self._arrived = arrived
        self._last_output = np.zeros((channels, 1), np.float32)
        self._last_instead = np.zeros((channels, 1), np.float32)
        self.offset = np.zeros((channels, 1), np.float32)
        self.since_down = fade_frames
        self.since_up = fade_frames

    @property
    def settled(self) -> bool:
        """Whether stems are played as they are, with no fade going on."""
        return self._arrived and min(self.since_up, self.since_down) == self._fade_frames

    def jump(self) -> None:
        """Let the last output decay on top of whatever comes next."""
        self.offset = self._last_output
        self.since_down = 0

    def turn(self, *, arrived: bool) -> None:
        """Start a fade if the stem has just gone or come back."""
        if self._arrived and not arrived:
            self.offset = self._last_output - self._last_instead
            self.since_down = 0
        if arrived and not self._arrived:
            self.since_up = 0
        self._arrived = arrived

    def remember(self, output: FloatArray, instead: FloatArray) -> None:
        """Keep the newest frame, from which the next fade starts."""
        self._last_output = output[:, -1:].copy()
        self._last_instead = instead[:, -1:].copy()
