"""What one stream through the U-Net remembers, and how silence looks in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.networks.rocknet_grid import HopGrid
    from dsp.separator import FloatArray

    Held = tuple[FloatArray, FloatArray]


@dataclass
class UNetState:
    """Preallocated; every array is [slot, ...], one slot for each phase of its columns.

    ``sums[level]`` [slot, 4, frequency, channel]: what awaits 1 to 4 more final columns.
    ``delayed`` [slot, frequency, channel]: level 0's column 2 until it is column 3.
    ``held``: what came from the deep levels, as products with the first shallow up-block:
    [frequency, column * tap * channel] of columns 0 and 1, [frequency, tap * channel] of column 2.
    ``in_flight``: what the ``steps_taken`` of the latest refresh of the deep levels have left for
    those to come.
    """

    hop_index: int
    steps_taken: int
    sums: list[FloatArray]
    delayed: FloatArray
    held: Held
    in_flight: tuple[FloatArray, ...]

    def sums_at(self, grid: HopGrid, level: int, hop_index: int) -> FloatArray:
        """Return the sums of a hop's phase, [4, frequency, channel], to be updated in place."""
        sums: FloatArray = self.sums[level][grid.slot(level, hop_index)]
        return sums

    def delayed_at(self, hop_index: int) -> FloatArray:
        """Return the delayed column of a hop's phase, [frequency, channel], likewise."""
        delayed: FloatArray = self.delayed[hop_index % self.delayed.shape[0]]
        return delayed

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return every array, in an order that is always the same."""
        return (*self.sums, self.delayed, *self.held, *self.in_flight)

    def copy(self) -> UNetState:
        """Return an independent copy."""
        sums = [array.copy() for array in self.sums]
        newer, oldest = (array.copy() for array in self.held)
        in_flight = tuple(array.copy() for array in self.in_flight)
        held = (newer, oldest)
        delayed = self.delayed.copy()
        return UNetState(self.hop_index, self.steps_taken, sums, delayed, held, in_flight)

    def assign(self, other: UNetState) -> None:
        """Take over another state's values, in place; its one slot may stand for all."""
        for array, values in zip(self.arrays(), other.arrays(), strict=True):
            array[:] = values
        self.hop_index = other.hop_index
        self.steps_taken = other.steps_taken

    def one_slot(self) -> UNetState:
        """Return a copy of the first slots only."""
        sums = [array[:1] for array in self.sums]
        first = UNetState(
            self.hop_index, self.steps_taken, sums, self.delayed[:1], self.held, self.in_flight
        )
        return first.copy()


def empty_sums(bins: int, channels: Sequence[int], grid: HopGrid) -> list[FloatArray]:
    """Allocate a state's sums; ``channels`` are the input's, then every level's output."""
    shapes = [(4, bins >> (k + 1), channels[k + 1]) for k in range(LEVELS)]
    return [np.zeros((grid.slots(k), *shape), np.float32) for k, shape in enumerate(shapes)]


def empty_held(bins: int, channels: Sequence[int]) -> Held:
    """Allocate what is held from the deep levels."""
    rows, width = bins >> 4, channels[3]
    return np.zeros((rows, 15 * width), np.float32), np.zeros((rows, 5 * width), np.float32)


def empty_delayed(bins: int, channels: Sequence[int], grid: HopGrid) -> FloatArray:
    """Allocate level 0's delayed columns."""
    return np.zeros((grid.delayed_slots, bins >> 1, channels[1]), np.float32)
