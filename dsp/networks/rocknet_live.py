"""Rocknet live: the streaming U-Net's mask, and nothing else; no look-ahead, no mask lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.networks import live_hop_kernels
from dsp.networks.phoenix_shape import HOPS_PER_STEP
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_rebuild import magnitudes_of
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from dsp.networks.live_hop_kernels import Play
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_hop_kernels import UNet
    from dsp.networks.rocknet_packed import PackedUNet

GRID = HopGrid(HOPS_PER_STEP, deep_period=8, deep_hops=2)
"""The deepest levels follow every fourth hop: under half the arithmetic.

On ten seconds of 15 songs: 0.09 dB below the exact form, every eighth hop 0.21 dB. Spread over two
hops, so that the longest takes seven milliseconds instead of eleven, they are heard one hop later:
another 0.09 dB; over four, three hops later, 0.26 dB.
"""

QUICK_GRID = HopGrid(HOPS_PER_STEP, deep_period=4, deep_hops=2)
"""Every fourth, where products cost less."""


class RocknetStep:
    """One stream's state: the U-Net's mask filters the mixture."""

    def __init__(self, packed: PackedUNet, grid: HopGrid = GRID) -> None:
        self._unet = StreamingUNet(packed, grid)
        self.layers = self._unet.layers

    @property
    def play(self) -> Play[UNet]:
        """The kernel that plays a stream through it."""
        return live_hop_kernels.play_masked

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first hop to come."""
        self._unet.reset(frame)

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [hop, channel 2, bin], the first ``frame``.

        Only those that have any part in what is to come are looked at.
        """
        grid = self._unet.grid
        hops = grid.horizon_hops(0, LEVELS - 1) + grid.deep_period + grid.deep_hops
        unheard = max(0, len(heard) - hops)
        magnitudes = magnitudes_of(heard[unheard:], self._unet.packed.bins)
        self._unet.rebuild(magnitudes, frame + unheard)
