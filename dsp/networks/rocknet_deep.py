"""The deepest levels of the streaming U-Net and the two up-blocks above them, in four steps.

They hold most of the weights, so computing them at one hop would make that hop several times as
long as its neighbours. The steps are about equally long and may be taken at different hops; what
they hand each other stays in buffers that are part of the stream's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.networks import rocknet_kernels as kernels
from dsp.networks.rocknet_columns import DownColumns, up_inputs
from dsp.networks.rocknet_grid import FIRST_DEEP_LEVEL
from dsp.networks.rocknet_packed import SPLIT_STAGE
from dsp.networks.unet_weights import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.separator import FloatArray


class DeepLevels:
    """Two levels down, two blocks up, and the product with the first shallow block's weights."""

    def __init__(self, packed: PackedUNet) -> None:
        widths, bins = packed.channels, packed.bins
        self._affines = packed.up_affines
        self._downs = [
            DownColumns(packed.downs[k], bins >> k, widths[k])
            for k in range(FIRST_DEEP_LEVEL, LEVELS)
        ]
        ups = [up_inputs(packed, stage) for stage in range(SPLIT_STAGE + 1)]
        self._ups = [blocks[-1] for blocks in ups]

    @property
    def entry(self) -> DownColumns:
        """The level that the shallow levels hand their columns to."""
        return self._downs[0]

    @property
    def buffers(self) -> tuple[FloatArray, ...]:
        """What steps leave for later ones."""
        deepest, *_ = reversed(self._downs)
        joined = [array for up in self._ups[:-1] for array in (up.newer, up.older)]
        return (deepest.final_input, deepest.edge_input, *joined)

    def take_step(
        self, step: int, sums: Sequence[FloatArray], held: tuple[FloatArray, FloatArray]
    ) -> None:
        """Take step 0 to 3 of one refresh; ``sums`` are those of its hop, level by level.

        The last step writes ``held``: the products with the first shallow block's weights.
        """
        if step < len(self._downs):
            self._descend(step, sums[step])
        elif step == len(self._downs):
            self._interleave(0)
        else:
            self._interleave(1)
            for array, product in zip(held, self._ups[-1].products(), strict=True):
                array[:] = product

    def _descend(self, depth: int, sums: FloatArray) -> None:
        down = self._downs[depth]
        down.advance(sums)
        down.add_edges(sums)
        self._ups[len(self._downs) - 1 - depth].place_skip(down.columns)
        if depth + 1 < len(self._downs):
            down.activate_into(self._downs[depth + 1])

    def _interleave(self, stage: int) -> None:
        above = self._ups[stage + 1]
        products = self._ups[stage].products()
        kernels.interleave(*products, *self._affines[stage], above.newer, above.older)
