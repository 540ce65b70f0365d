"""What one stream through the U-Net remembers, and how silence looks in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.unet_weights import LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.separator import FloatArray

    Held = tuple[FloatArray, FloatArray]


@dataclass
class UNetState:
    """Preallocated; every array is [slot, ...], one slot for each phase of its columns.

    ``sums[level]`` [slot, 4, frequency, channel]: what awaits 1 to 4 more final columns.
    ``delayed`` [slot, frequency, channel]: level 0's column 1 until it is column 2.
    ``held``: what came from the deep levels, as products with the first shallow up-block:
    [frequency, column * tap * channel] of columns 0 and 1, [frequency, tap * channel] of column 2.
    """

    hop_index: int
    sums: list[FloatArray]
    delayed: FloatArray
    held: Held

    def sums_at(self, grid: HopGrid, level: int, hop_index: int) -> FloatArray:
        """Return the sums of a hop's phase, [4, frequency, channel], to be updated in place."""
        sums: FloatArray = self.sums[level][grid.slot(level, hop_index)]
        return sums

    def delayed_at(self, hop_index: int) -> FloatArray:
        """Return the delayed column of a hop's phase, [frequency, channel], likewise."""
        delayed: FloatArray = self.delayed[hop_index % self.delayed.shape[0]]
        return delayed

    def copy(self) -> UNetState:
        """Return an independent copy."""
        sums = [array.copy() for array in self.sums]
        newer, oldest = self.held
        return UNetState(self.hop_index, sums, self.delayed.copy(), (newer.copy(), oldest.copy()))

    def fill(self, one_slot: UNetState, hop_index: int) -> None:
        """Set every slot to the only one of another state."""
        for sums, value in zip(self.sums, one_slot.sums, strict=True):
            sums[:] = value
        self.delayed[:] = one_slot.delayed
        for held, value in zip(self.held, one_slot.held, strict=True):
            held[:] = value
        self.hop_index = hop_index

    def one_slot(self) -> UNetState:
        """Return a copy of the first slots only."""
        first = UNetState(self.hop_index, [a[:1] for a in self.sums], self.delayed[:1], self.held)
        return first.copy()


def empty_state(packed: PackedUNet, grid: HopGrid) -> UNetState:
    """Allocate a state of zeros, which is not yet that of silence."""
    shapes = [(packed.bins >> (k + 1), packed.channels[k + 1]) for k in range(LEVELS)]
    sums = [np.zeros((grid.slots(k), 4, *shape), np.float32) for k, shape in enumerate(shapes)]
    delayed = np.zeros((grid.delayed_slots, *shapes[0]), np.float32)
    return UNetState(0, sums, delayed, _empty_held(packed))


def _empty_held(packed: PackedUNet) -> Held:
    bins = packed.bins >> 4
    channels = packed.channels[3]
    return (
        np.zeros((bins, 15 * channels), np.float32),
        np.zeros((bins, 5 * channels), np.float32),
    )
