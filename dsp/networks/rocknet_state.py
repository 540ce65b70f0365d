"""What one stream through the U-Net remembers, and how silence looks in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsp.networks import aligned
from dsp.networks.bfloat_products import zeros_with_room
from dsp.networks.rocknet_grid import FIRST_DEEP_LEVEL
from dsp.networks.rocknet_hop_kernels import BESIDE, COLUMNS, PADDING, STRIDE
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_hop_kernels import IndexArray
    from dsp.networks.rocknet_packed import PackedUNet


class UNetState(NamedTuple):
    """Preallocated; sums are [slot, ...], one slot for each phase of their columns.

    Sums, delayed and held, most of a stream's memory, are of the type that `PackedUNet` says.
    """

    clock: IndexArray  # [1], the index of the hop to come
    sums: tuple[LaneArray, ...]  # [slot, 4, frequency, channel]: await 1 to 4 more final columns
    delayed: LaneArray  # [slot, frequency, channel], level 0's column 2 until it is column 3
    # What came from the deep levels, as products with the first shallow up-block: [frequency,
    # column * tap * channel] of columns 0 and 1, [frequency, tap * channel] of column 2.
    held: tuple[LaneArray, LaneArray]
    # What a refresh of the deep levels has left for its steps to come: the deepest level's input,
    # [column, padded bin, in], and those of the first two up-blocks, [padded bin, column, in].
    deepest: LaneArray
    deep_inputs: tuple[LaneArray, LaneArray]

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
        return (
            *(self.clock, *self.sums, self.delayed, *self.held),
            *(self.deepest, *self.deep_inputs),
        )

    def copy(self) -> UNetState:
        """Return an independent copy."""
        newer, oldest = (array.copy() for array in self.held)
        first, second = (array.copy() for array in self.deep_inputs)
        return UNetState(
            self.clock.copy(),
            tuple(array.copy() for array in self.sums),
            self.delayed.copy(),
            (newer, oldest),
            self.deepest.copy(),
            (first, second),
        )

    def assign(self, other: UNetState) -> None:
        """Take over another state's values, in place; its one slot may stand for all."""
        for array, values in zip(self.arrays(), other.arrays(), strict=True):
            array[:] = values

    def one_slot(self) -> UNetState:
        """Return a copy of the first slots only."""
        sums = tuple(array[:1] for array in self.sums)
        return self._replace(sums=sums, delayed=self.delayed[:1]).copy()


def empty_state(packed: PackedUNet, grid: HopGrid) -> UNetState:
    """Allocate a state; its values are zero, which is not how silence looks."""
    bins, channels, kept_as = packed.bins, packed.channels, packed.kept_as
    newer, oldest = (
        aligned.zeros((bins >> FIRST_DEEP_LEVEL, taps * channels[FIRST_DEEP_LEVEL - 1]), kept_as)
        for taps in (15, 5)
    )
    return UNetState(
        np.zeros(1, np.int64),
        tuple(
            aligned.zeros((grid.slots(k), 4, bins >> (k + 1), channels[k + 1]), kept_as)
            for k in range(LEVELS)
        ),
        aligned.zeros((grid.delayed_slots, bins >> 1, channels[1]), kept_as),
        held=(newer, oldest),
        deepest=_empty_columns(packed, LEVELS - 1),
        deep_inputs=(_empty_inputs(packed, 0), _empty_inputs(packed, 1)),
    )


def _empty_columns(packed: PackedUNet, level: int) -> LaneArray:
    bins, channels = packed.bins >> level, packed.channels[level]
    shape = COLUMNS, bins + PADDING, channels
    return zeros_with_room(shape, packed.columns_as, STRIDE * channels, bins // STRIDE)


def _empty_inputs(packed: PackedUNet, stage: int) -> LaneArray:
    up = packed.blocks.parts.deep_ups[stage].parts
    shape = up.bins + 2 * BESIDE, up.columns, up.channels
    return zeros_with_room(shape, packed.columns_as, up.columns * up.channels, up.bins)
