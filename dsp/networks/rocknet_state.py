"""What one stream through the U-Net remembers, and how silence looks in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_hop_kernels import IndexArray

    Held = tuple[LaneArray, LaneArray]


@dataclass
class UNetState:
    """Preallocated; sums are [slot, ...], one slot for each phase of their columns.

    Sums, delayed and held, most of a stream's memory, are of the type that `PackedUNet` says.
    ``clock`` [1]: the index of the hop to come.
    ``sums[level]`` [slot, 4, frequency, channel]: what awaits 1 to 4 more final columns.
    ``delayed`` [slot, frequency, channel]: level 0's column 2 until it is column 3.
    ``held``: what came from the deep levels, as products with the first shallow up-block:
    [frequency, column * tap * channel] of columns 0 and 1, [frequency, tap * channel] of column 2.
    ``in_flight``: what a refresh of the deep levels has left for its steps to come.
    """

    clock: IndexArray
    sums: list[LaneArray]
    delayed: LaneArray
    held: Held
    in_flight: tuple[LaneArray, ...]

    @property
    def hop_index(self) -> int:
        """The index of the hop to come."""
        return int(self.clock[0])

    def sums_at(self, grid: HopGrid, level: int, hop_index: int) -> LaneArray:
        """Return the sums of a hop's phase, [4, frequency, channel], to be updated in place."""
        sums: LaneArray = self.sums[level][grid.slot(level, hop_index)]
        return sums

    def delayed_at(self, hop_index: int) -> LaneArray:
        """Return the delayed column of a hop's phase, [frequency, channel], likewise."""
        delayed: LaneArray = self.delayed[hop_index % self.delayed.shape[0]]
        return delayed

    def arrays(self) -> tuple[LaneArray | IndexArray, ...]:
        """Return every array, in an order that is always the same."""
        return (self.clock, *self.sums, self.delayed, *self.held, *self.in_flight)

    def copy(self) -> UNetState:
        """Return an independent copy."""
        sums = [array.copy() for array in self.sums]
        newer, oldest = (array.copy() for array in self.held)
        in_flight = tuple(array.copy() for array in self.in_flight)
        held = (newer, oldest)
        return UNetState(self.clock.copy(), sums, self.delayed.copy(), held, in_flight)

    def assign(self, other: UNetState) -> None:
        """Take over another state's values, in place; its one slot may stand for all."""
        for array, values in zip(self.arrays(), other.arrays(), strict=True):
            array[:] = values

    def one_slot(self) -> UNetState:
        """Return a copy of the first slots only."""
        sums = [array[:1] for array in self.sums]
        first = UNetState(self.clock, sums, self.delayed[:1], self.held, self.in_flight)
        return first.copy()
