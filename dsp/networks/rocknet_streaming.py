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
from dsp.networks.rocknet_grid import KERNEL_COLUMNS, HopGrid
from dsp.networks.rocknet_hop_kernels import UNet
from dsp.networks.rocknet_plan import make_plan, settling_plan
from dsp.networks.rocknet_rebuild import advance_sums
from dsp.networks.rocknet_state import empty_state
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.networks.rocknet_state import UNetState
    from dsp.separator import FloatArray

EXACT = HopGrid()


class StreamingUNet:
    """One stream through the U-Net: magnitudes of the newest frame in, its mask out.

    With a deep period of 1 it equals, to rounding, ``unet.unet_mask`` over a window that ends with
    the newest frame, three times, and has every ``hops_per_column``-th frame before it. Weights are
    shared between streams, state is not. Not to be used by two threads at once. ``layers`` are what
    a hop's kernel takes.
    """

    def __init__(self, packed: PackedUNet, grid: HopGrid = EXACT) -> None:
        self.packed = packed
        self.grid = grid
        self._state = empty_state(packed, grid)
        self.layers = Kept(UNet(packed.blocks, make_plan(grid), self._state))
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
        return kernels.push(self.layers, np.ascontiguousarray(magnitudes))

    def reset(self, hop_index: int = 0) -> None:
        """Forget everything: silence without end, then the next push is hop ``hop_index``."""
        self._state.assign(self.packed.silence[self.grid])
        self._state.clock[0] = hop_index

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

    def _settle(self) -> UNetState:
        """Work out the state that silence without end leaves, one slot of each kind.

        Needs a state that is still zero.
        """
        silence = np.zeros((self.packed.channels[0], self.packed.bins), np.float32)
        settling = Kept(self.layers.parts._replace(plan=settling_plan()))
        for _ in range(KERNEL_COLUMNS * LEVELS):  # a level settles after the one above
            kernels.push(settling, silence)
        return self._state.one_slot()
