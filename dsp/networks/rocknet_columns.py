"""One encoder level and one decoder block of the streaming U-Net, with their buffers.

The buffers are scratch, overwritten at every hop; what a stream remembers is in `rocknet_state`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import rocknet_kernels as kernels
from dsp.networks.rocknet_packed import SPLIT_STAGE
from dsp.networks.rows import Rows
from dsp.networks.unet_weights import LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_packed import PackedDown, PackedUNet, PackedUp
    from dsp.separator import FloatArray

PADDING = 3  # one empty bin before, two after


class DownColumns:
    """An encoder level: columns 0, 1, 2 of its output from the two edges and one final input.

    ``columns`` [3, bins / 2, channel] is before batch normalisation, as the skip connection is.
    """

    def __init__(self, packed: PackedDown, bins: int, in_channels: int) -> None:
        self._packed = packed
        self.final_input = np.zeros((bins + PADDING, in_channels), np.float32)
        self.edge_input = np.zeros((bins + PADDING, 2, in_channels), np.float32)
        self.columns = np.zeros((3, bins // 2, packed.bias.shape[0]), np.float32)
        self._final_rows = neighbourhoods(self.final_input)
        self._edge_rows = neighbourhoods(self.edge_input)

    def advance(self, sums: FloatArray) -> None:
        """Take the final input column in; column 2 of the output is what it completes."""
        product = self._packed.final(self._final_rows)
        kernels.advance(product, sums, self._packed.bias, self.columns[2])

    def advance_repeated(self, sums: FloatArray) -> None:
        """Take level 0's newest frame in and complete columns 0 and 1: there it sounds on."""
        product = self._packed.final(self._final_rows)
        kernels.advance(product, sums, self._packed.bias, self.columns[2])
        kernels.repeat_newest(product, sums, self._packed.bias, self.columns)

    def add_edges(self, sums: FloatArray) -> None:
        """Complete output columns 0 and 1 with the edge inputs."""
        product = self._packed.edges(self._edge_rows)
        kernels.add_edges(sums, product, self._packed.bias, self.columns)

    def activate_into(self, below: DownColumns) -> None:
        """Hand the three columns to the next level."""
        kernels.activate(
            self.columns,
            self._packed.scale,
            self._packed.shift,
            below.edge_input,
            below.final_input,
        )


class UpColumns:
    """A decoder block's input columns over one set of channels, and their products.

    ``newer`` [bin, 2, channel] holds columns 0 and 1, ``older`` [bin, 1 or 2, channel] the others.
    """

    def __init__(self, packed: PackedUp, bins: int, channels: int) -> None:
        self._packed = packed
        self.newer = np.zeros((bins, 2, channels), np.float32)
        self.older = np.zeros((bins, packed.older_columns, channels), np.float32)
        self._newer_rows = Rows.of(self.newer.reshape(bins, -1))
        self._older_rows = Rows.of(self.older.reshape(bins, -1))

    def place_skip(self, columns: FloatArray) -> None:
        """Copy an encoder level's columns 0, 1 and 2 to the first channels."""
        kernels.place_skips(columns, self.newer, self.older)

    def place_oldest_skip(self, column: FloatArray) -> None:
        """Copy an encoder level's column 3 [bin, channel] likewise."""
        self.older[:, 1, : column.shape[1]] = column

    def products(self) -> tuple[FloatArray, FloatArray]:
        """Return the products of the newer and of the older columns, for ``kernels.interleave``."""
        return self._packed.newer(self._newer_rows), self._packed.older(self._older_rows)

    def products_added_to(
        self, newer: FloatArray, older: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the products, each added to another channel set's."""
        own_newer, own_older = self.products()
        own_newer += newer
        own_older += older
        return own_newer, own_older


def up_inputs(packed: PackedUNet, stage: int) -> list[UpColumns]:
    """Make a decoder block's inputs: joined, or skip and what comes from above apart."""
    bins = packed.bins >> (LEVELS - stage)
    skip_channels = packed.channels[LEVELS - stage]
    joined = stage not in {0, SPLIT_STAGE}
    channels = 2 * skip_channels if joined else skip_channels
    return [UpColumns(one, bins, channels) for one in packed.ups[stage]]


def neighbourhoods(padded: FloatArray) -> Rows:
    """View a padded [frequency, ...] input as the rows of a 5-tap convolution of stride 2.

    Rows overlap: [output frequency, tap * ...], nothing is copied.
    """
    width = int(np.prod(padded.shape[1:]))
    rows = (padded.shape[0] - PADDING) // 2
    return Rows(padded.reshape(-1), 2 * width, rows)
