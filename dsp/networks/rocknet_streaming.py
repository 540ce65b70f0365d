"""The amplitude U-Net, streamed exactly: one new mask per hop at the cost of the new columns.

Convolutions are padded one column before and two after, so the newest columns of every level see a
future that is not there: the newest frame sounds on for two more, then there are zeros. Column
``r`` is the r-th newest of a level. Only columns 0 and 1 see that future; column 2 is *final*: it
never changes again. So each hop computes two edge columns and one final column per level, and keeps
of the past only partial sums that await final columns yet to come: every final column meets every
tap of the kernel once in its life.

With a ``deep_period`` above 1 the two deepest levels and the first two up-blocks are refreshed only
at hops whose index is a multiple of it, and their output is held in between. The sums stay exact,
since column spacings at those levels are multiples of the period. With ``deep_hops`` above 1 the
work of a refresh is spread over as many hops, so that no hop is much longer than the others, and
heard from the last of them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import SignalError
from dsp.networks import rocknet_hop_kernels as kernels
from dsp.networks.kept import Kept
from dsp.networks.rocknet_columns import left_for_later_steps, make_downs, make_mask, make_ups
from dsp.networks.rocknet_grid import DEEP_STEPS, FIRST_DEEP_LEVEL, KERNEL_COLUMNS, HopGrid
from dsp.networks.rocknet_hop_kernels import UNet
from dsp.networks.rocknet_packed import SPLIT_STAGE
from dsp.networks.rocknet_rebuild import advance_sums
from dsp.networks.rocknet_state import UNetState, empty_delayed, empty_held, empty_sums
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.separator import FloatArray

EXACT = HopGrid()


class StreamingUNet:
    """One stream through the U-Net: magnitudes of the newest frame in, its mask out.

    With a deep period of 1 it equals, to rounding, ``unet.unet_mask`` over a window that ends with
    the newest frame, three times, and has every ``hops_per_column``-th frame before it. Weights are
    shared between streams, state is not. Not to be used by two threads at once.
    """

    def __init__(self, packed: PackedUNet, grid: HopGrid = EXACT) -> None:
        self.packed = packed
        self.grid = grid
        bins, widths = packed.bins, packed.channels
        sums = empty_sums(bins, widths, grid)
        ups = [make_ups(packed, stage) for stage in range(LEVELS)]
        skips = [blocks[0] for blocks in ups]
        downs = make_downs(packed, sums, skips[::-1])
        held = empty_held(bins, widths)
        layers = UNet(
            tuple(downs[:FIRST_DEEP_LEVEL]),
            tuple(skips[SPLIT_STAGE:]),
            tuple(downs[FIRST_DEEP_LEVEL:]),
            tuple(blocks[-1] for blocks in ups[: SPLIT_STAGE + 1]),
            *held,
            make_mask(packed),
        )
        self._layers = Kept(layers)
        delayed = empty_delayed(bins, widths, grid)
        self._state = UNetState(0, 0, sums, delayed, held, left_for_later_steps(layers))
        self._slots = grid.slot_table()
        if grid not in packed.silence:
            packed.silence[grid] = self._settle()
        self.reset()

    @property
    def hop_index(self) -> int:
        """The index of the hop that the next push belongs to."""
        return self._state.hop_index

    def push(self, magnitudes: FloatArray) -> FloatArray:
        """Map the newest frame's magnitudes [channel, bin] to its mask [channel, bin], 0 to 1.

        Raises SignalError for another shape.
        """
        self._check(magnitudes.shape)
        hop_index = self._state.hop_index
        self._descend(np.ascontiguousarray(magnitudes), hop_index)
        if self.grid.is_deep(hop_index):
            self._state.steps_taken = 0
        self._take_deep_steps(self.grid.steps_until(hop_index), hop_index)
        mask = self._ascend()
        self._state.hop_index = hop_index + 1
        return mask

    def reset(self, hop_index: int = 0) -> None:
        """Forget everything: silence without end, then the next push is hop ``hop_index``."""
        self._state.assign(self.packed.silence[self.grid])
        self._state.hop_index = hop_index
        self._state.steps_taken = self.grid.steps_until(hop_index - 1)

    def rebuild(self, magnitudes: FloatArray, hop_index: int) -> FloatArray | None:
        """Set the state as if magnitudes [hop, channel, bin] were pushed after a reset.

        ``hop_index`` is that of the first. Several times cheaper than pushing: hardly any mask is
        made. Returns the newest, if there is any.
        """
        self._check(magnitudes.shape[1:])
        self.reset(hop_index)
        end = hop_index + magnitudes.shape[0]
        unheard = max(self.grid.latest_heard(end - 1), hop_index) - hop_index
        advance_sums(self.packed, self.grid, self._state, magnitudes[:unheard])
        mask = None
        for column in magnitudes[unheard:]:
            mask = self.push(column)
        return mask

    def snapshot(self) -> UNetState:
        """Return a copy of the state, for ``restore``."""
        return self._state.copy()

    def restore(self, state: UNetState) -> None:
        """Go on from a snapshot."""
        self._state.assign(state)

    def _check(self, shape: tuple[int, ...]) -> None:
        expected = (self.packed.channels[0], self.packed.bins)
        if shape != expected:
            raise SignalError(f"magnitudes of one frame {shape}: {expected} expected")

    def _descend(self, magnitudes: FloatArray, hop_index: int) -> None:
        """Compute the shallow levels' columns and hand them on, across and down."""
        slots = self._slots[hop_index % len(self._slots), :FIRST_DEEP_LEVEL]
        delayed = self._state.delayed_at(hop_index)
        kernels.descend(self._layers, slots, magnitudes, delayed)

    def _take_deep_steps(self, until: int, hop_index: int) -> None:
        """Take the latest refresh's steps that are not taken yet, up to ``until``."""
        refresh_hop = self.grid.latest_deep(hop_index)
        for step in range(self._state.steps_taken, until):
            self._take_deep_step(step, refresh_hop)
        self._state.steps_taken = max(self._state.steps_taken, until)

    def _take_deep_step(self, step: int, refresh_hop: int) -> None:
        slots = self._slots[refresh_hop % len(self._slots), FIRST_DEEP_LEVEL:]
        kernels.take_deep_step(self._layers, slots, step)

    def _ascend(self) -> FloatArray:
        """Run the shallow up-blocks and the mask's layer."""
        mask = np.empty((self.packed.channels[0], self.packed.bins), np.float32)
        kernels.ascend(self._layers, mask)
        return mask

    def _settle(self) -> UNetState:
        """Work out the state that silence without end leaves, one slot of each kind.

        Needs buffers that are still zero. Runs every kernel, so that none compiles in a push.
        """
        silence = np.zeros((self.packed.channels[0], self.packed.bins), np.float32)
        for _ in range(KERNEL_COLUMNS * FIRST_DEEP_LEVEL):  # a level settles after the one above
            self._descend(silence, 0)
        for step in range(DEEP_STEPS):
            for _ in range(KERNEL_COLUMNS):
                self._take_deep_step(step, 0)
        self._ascend()
        return self._state.one_slot()
