"""The amplitude U-Net, streamed exactly: one new mask per hop at the cost of the new columns.

Convolutions are padded one column before and two after, so the newest columns of every level see
zeros instead of the future. Column ``r`` is the r-th newest of a level. Only columns 0 and 1 see
those zeros; column 2 is *final*: it never changes again. So each hop computes two edge columns and one
final column per level, and keeps of the past only the partial sums that await the final columns to come.

Columns are ``hops_per_column`` hops apart at the input and twice as far at each level down. A mask
comes out at every hop: the hops between columns are interleaved phases, each with its own sums.

``deep_period`` > 1 recomputes the two deepest levels and the two first up-blocks only where the hop's
index is a multiple of it, and holds their output in between. The sums stay exact, for
column spacings at those levels are multiples of the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dsp.errors import SignalError
from dsp.networks import rocknet_kernels as kernels
from dsp.networks.rocknet_packed import SPLIT_STAGE
from dsp.networks.unet_weights import LEVELS

if TYPE_CHECKING:
    from torch import Tensor

    from dsp.networks.rocknet_packed import PackedDown, PackedUNet, PackedUp
    from dsp.separator import FloatArray

FIRST_DEEP_LEVEL = 4  # levels count from 0: the fifth and the sixth run at the deep period
REBUILD_CHUNK_HOPS = 32


@dataclass
class UNetState:
    """All that a stream remembers; every array is [slot, ...], a slot per hop of a column's spacing.

    ``sums[level]`` [slot, 4, frequency, channel]: what awaits 1 to 4 more final columns.
    ``delayed`` [slot, frequency, channel]: level 1's column 1 until it is column 2.
    ``held``: the products of what came from the deep levels with the first shallow up-block.
    """

    hop_index: int
    sums: list[FloatArray]
    delayed: FloatArray
    held: tuple[FloatArray, FloatArray]

    def copy(self) -> UNetState:
        """Return an independent copy."""
        newer, oldest = self.held
        return UNetState(
            self.hop_index,
            [array.copy() for array in self.sums],
            self.delayed.copy(),
            (newer.copy(), oldest.copy()),
        )


class _Down:
    """One encoder level's products and the buffers they read from and write to."""

    def __init__(self, packed: PackedDown, bins: int, in_channels: int) -> None:
        self._packed = packed
        channels = packed.bias.shape[0]
        self.final_input = np.zeros((bins + 3, in_channels), np.float32)
        self.edge_input = np.zeros((bins + 3, 2, in_channels), np.float32)
        self.columns = np.zeros((3, bins // 2, channels), np.float32)
        self._final_rows = _neighbourhoods(self.final_input)
        self._edge_rows = _neighbourhoods(self.edge_input)

    def advance(self, sums: FloatArray) -> None:
        """Take the final input column in; column 2 of the output is what it completes."""
        product = self._packed.final(self._final_rows).numpy()
        kernels.advance(product, sums, self._packed.bias, self.columns[2])

    def add_edges(self, sums: FloatArray) -> None:
        """Complete output columns 0 and 1 with the edge inputs."""
        product = self._packed.edges(self._edge_rows).numpy()
        kernels.add_edges(sums, product, self._packed.bias, self.columns)

    def delay_final(self, sums: FloatArray, delayed: FloatArray) -> None:
        """Level 1 has one edge column only: its column 1 is final, and column 2 the same, later."""
        kernels.newest_column(sums, self._packed.bias, self.columns[0])
        self.columns[1] = self.columns[2]
        self.columns[2] = delayed
        delayed[:] = self.columns[1]

    def activate_into(self, below: _Down) -> None:
        """Hand the three columns to the next level."""
        kernels.activate(
            self.columns,
            self._packed.scale,
            self._packed.shift,
            below.edge_input,
            below.final_input,
        )


class _Up:
    """The inputs of one decoder block: columns 0 and 1, and column 2, over one set of channels."""

    def __init__(self, packed: PackedUp, bins: int, channels: int) -> None:
        self._packed = packed
        self.newer = np.zeros((bins, 2, channels), np.float32)
        self.oldest = np.zeros((bins, channels), np.float32)
        self._newer_rows = torch.from_numpy(self.newer).reshape(bins, -1)
        self._oldest_rows = torch.from_numpy(self.oldest)

    def products(self) -> tuple[FloatArray, FloatArray]:
        """Return the block's products, for ``kernels.interleave``."""
        newer = self._packed.newer(self._newer_rows)
        return newer.numpy(), self._packed.oldest(self._oldest_rows).numpy()

    def products_added_to(self, held: tuple[Tensor, Tensor]) -> tuple[FloatArray, FloatArray]:
        """Return the sum of ``held`` and this block's products."""
        newer = self._packed.newer.add_to(held[0], self._newer_rows)
        return newer.numpy(), self._packed.oldest.add_to(held[1], self._oldest_rows).numpy()


class StreamingUNet:
    """One stream through the U-Net: magnitudes of the newest frame in, its mask out.

    Equal, to rounding, to ``unet.unet_mask`` over a window that ends with the newest frame and
    takes every ``hops_per_column``-th frame, with ``deep_period`` 1. After ``reset`` the past is
    silence without end. Weights are shared, state is not; not to be used by two threads at once.
    """

    def __init__(
        self, packed: PackedUNet, *, hops_per_column: int = 2, deep_period: int = 1
    ) -> None:
        _check_grid(hops_per_column, deep_period)
        self.packed = packed
        self.hops_per_column = hops_per_column
        self.deep_period = deep_period
        widths, bins = packed.channels, packed.bins
        self._downs = [_Down(packed.downs[k], bins >> k, widths[k]) for k in range(LEVELS)]
        self._ups = [
            self._make_ups(stage, bins >> (LEVELS - stage), widths[LEVELS - stage])
            for stage in range(LEVELS)
        ]
        self._mask_columns = np.zeros((2, bins + 6), np.float32)
        self._state = self._empty_state()
        self._silence = self._settle()
        self.reset()

    def _make_ups(self, stage: int, bins: int, channels: int) -> list[_Up]:
        packed = self.packed.ups[stage]
        joined = channels if stage == 0 or len(packed) == 2 else 2 * channels
        return [_Up(one, bins, joined) for one in packed]

    def _empty_state(self) -> UNetState:
        slots = [self.spacing_hops(k) // self._period(k) for k in range(LEVELS)]
        shapes = [down.columns.shape[1:] for down in self._downs]
        sums = [
            np.zeros((n, 4, *shape), np.float32) for n, shape in zip(slots, shapes, strict=True)
        ]
        delayed = np.zeros((2 * self.hops_per_column, *shapes[0]), np.float32)
        newer, oldest = self._ups[SPLIT_STAGE][1].products()
        return UNetState(0, sums, delayed, (newer.copy(), oldest.copy()))

    @property
    def hop_index(self) -> int:
        """The index of the hop that the next push belongs to."""
        return self._state.hop_index

    def spacing_hops(self, level: int) -> int:
        """Return how far apart the input columns of a level (from 0) are."""
        return self.hops_per_column << level

    def _period(self, level: int) -> int:
        return self.deep_period if level >= FIRST_DEEP_LEVEL else 1

    def _slot(self, level: int, hop_index: int) -> FloatArray:
        sums = self._state.sums[level]
        slot: FloatArray = sums[hop_index // self._period(level) % sums.shape[0]]
        return slot

    def push(self, magnitudes: FloatArray) -> FloatArray:
        """Map the newest frame's magnitudes [channel, bin] to its mask [channel, bin], 0 to 1.

        Raises SignalError for another shape.
        """
        hop_index = self._state.hop_index
        deep = hop_index % self.deep_period == 0
        with torch.inference_mode():
            self._load(magnitudes)
            self._descend(hop_index, LEVELS if deep else FIRST_DEEP_LEVEL)
            if deep:
                self._refresh_held()
            mask = self._ascend()
        self._state.hop_index = hop_index + 1
        return mask

    def _load(self, magnitudes: FloatArray) -> None:
        if magnitudes.shape != (self.packed.channels[0], self.packed.bins):
            raise SignalError(
                f"magnitudes {magnitudes.shape}: "
                f"[{self.packed.channels[0]}, {self.packed.bins}] expected"
            )
        self._downs[0].final_input[1:-2] = magnitudes.T

    def _descend(self, hop_index: int, levels: int) -> None:
        """Compute columns 0, 1, 2 of the first levels and hand them to the way up."""
        for level in range(levels):
            self._downs[level].advance(self._slot(level, hop_index))
            self._complete(level, hop_index)

    def _complete(self, level: int, hop_index: int) -> None:
        """Add the edges to a level's columns and hand them on, down and up."""
        down, sums = self._downs[level], self._slot(level, hop_index)
        if level == 0:
            delayed = self._state.delayed
            down.delay_final(sums, delayed[hop_index % delayed.shape[0]])
        else:
            down.add_edges(sums)
        up = self._ups[LEVELS - 1 - level][0]
        kernels.place_skips(down.columns, up.newer, up.oldest)
        if level + 1 < LEVELS:
            down.activate_into(self._downs[level + 1])

    def _refresh_held(self) -> None:
        """Run the up-blocks of the deep levels and keep what they give."""
        for stage in range(SPLIT_STAGE):
            self._interleave(stage, self._ups[stage][0].products(), self._ups[stage + 1][-1])
        for held, product in zip(
            self._state.held, self._ups[SPLIT_STAGE][1].products(), strict=True
        ):
            held[:] = product

    def _ascend(self) -> FloatArray:
        """Run the other up-blocks and the mask's layer."""
        newer, oldest = self._state.held
        held = (torch.from_numpy(newer), torch.from_numpy(oldest))
        products = self._ups[SPLIT_STAGE][0].products_added_to(held)
        for stage in range(SPLIT_STAGE, LEVELS - 1):
            above = self._ups[stage + 1][-1]
            self._interleave(stage, products, above)
            products = above.products()
        return self._finish(products)

    def _interleave(self, stage: int, products: tuple[FloatArray, FloatArray], above: _Up) -> None:
        affine = self.packed.up_affines[stage]
        kernels.interleave(*products, *affine, above.newer, above.oldest)

    def _finish(self, products: tuple[FloatArray, FloatArray]) -> FloatArray:
        scale, shift = self.packed.up_affines[-1]
        mask = np.empty((self.packed.channels[0], self.packed.bins), np.float32)
        kernels.finish_mask(
            *products,
            np.concatenate([scale, shift]),
            self._mask_columns,
            self.packed.mask_weight,
            self.packed.mask_bias,
            mask,
        )
        return mask

    def reset(self, hop_index: int = 0) -> None:
        """Forget everything: the past is silence, the next push is hop ``hop_index``."""
        for sums, silent in zip(self._state.sums, self._silence.sums, strict=True):
            sums[:] = silent
        self._state.delayed[:] = self._silence.delayed
        for held, silent in zip(self._state.held, self._silence.held, strict=True):
            held[:] = silent
        self._state.hop_index = hop_index

    def snapshot(self) -> UNetState:
        """Return a copy of the state, for ``restore``."""
        return self._state.copy()

    def restore(self, state: UNetState) -> None:
        """Go on from a snapshot."""
        self._state = state.copy()

    def _settle(self) -> UNetState:
        """Work out the state that silence without end leaves: one slot of each kind."""
        state = self._state
        with torch.inference_mode():
            for level, down in enumerate(self._downs):
                for _ in range(5):  # a sum is complete with its fifth final column
                    down.advance(state.sums[level][0])
                if level == 0:
                    state.delayed[0] = down.columns[2]
                self._complete(level, 0)
            self._refresh_held()
        silence = state.copy()
        silence.sums = [sums[:1] for sums in silence.sums]
        silence.delayed = silence.delayed[:1]
        return silence


def _neighbourhoods(padded: FloatArray) -> Tensor:
    """View a padded [frequency, ...] input as the rows of a 5-tap convolution of stride 2.

    Rows overlap: [output frequency, tap * ...], nothing is copied.
    """
    width = int(np.prod(padded.shape[1:]))
    rows = (padded.shape[0] - 3) // 2
    return torch.from_numpy(padded).as_strided((rows, 5 * width), (2 * width, 1))


def _check_grid(hops_per_column: int, deep_period: int) -> None:
    if hops_per_column not in {1, 2, 4} or deep_period not in {1, 2, 4, 8, 16}:
        raise ValueError(
            f"{hops_per_column} hops per column, deep period {deep_period}: "
            "1, 2 or 4, and a power of two up to 16, expected"
        )
