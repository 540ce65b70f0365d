"""The joined network one hop at a time: packed weights, preallocated state.

Both trunks and the head run at every hop, the U-Net's deep levels less often: see `GRID`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import joined_hop_kernels, live_hop_kernels, phoenix_packed, rocknet_packed
from dsp.networks.joined_hop_kernels import Joined
from dsp.networks.kept import Kept
from dsp.networks.linear import LinearKind
from dsp.networks.phoenix_shape import BINS, HOPS_PER_STEP
from dsp.networks.phoenix_step import TrunkStep
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_rebuild import magnitudes_of
from dsp.networks.rocknet_streaming import StreamingUNet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.live_hop_kernels import Play
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedPhoenix
    from dsp.networks.phoenix_shape import TrunkConfig
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.separator import FloatArray

GRID = HopGrid(HOPS_PER_STEP, deep_period=8, deep_hops=4)
"""Deep levels hear every eighth hop and are heard three hops later, a quarter done at each."""

QUICK_GRID = HopGrid(HOPS_PER_STEP, deep_period=4, deep_hops=2)
"""Every fourth, and heard one hop later: where products cost less. Worth 0.06 to 0.13 dB."""

SHORT_GRID = HopGrid(2 * HOPS_PER_STEP, deep_period=16, deep_hops=4)
QUICK_SHORT_GRID = HopGrid(2 * HOPS_PER_STEP, deep_period=8, deep_hops=2)
"""The same where a hop is half as long."""


@dataclass(frozen=True)
class PackedJoined:
    """Both networks' weights, and when the U-Net's deep levels run; shared by all streams."""

    unet: PackedUNet
    phoenix: PackedPhoenix
    light: PackedPhoenix  # the same trunk under the light head
    answer_width: int
    grid: HopGrid


def pack(
    arrays: Mapping[str, FloatArray],
    config: TrunkConfig,
    frames_per_step: int,
    kind: LinearKind = LinearKind.FLOAT32,
    grid: HopGrid = GRID,
) -> PackedJoined:
    """Arrange both networks, whose arrays are named as `JoinedNetwork` names its parameters.

    ``kind`` says how products are computed, ``grid`` when the U-Net's deep levels run. Raises
    KeyError for an array that is missing.
    """
    phoenix = phoenix_packed.pack(arrays, config, frames_per_step, kind)
    return PackedJoined(
        rocknet_packed.pack(named_within(arrays, "unet."), BINS, kind),
        phoenix,
        replace(phoenix, head=phoenix_packed.pack_head(arrays, "light_head", kind)),
        config.answer_width,
        grid,
    )


def named_within(arrays: Mapping[str, FloatArray], prefix: str) -> dict[str, FloatArray]:
    """Return the arrays whose names begin so, by what follows."""
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


class JoinedStep:
    """One stream's state, and the step that moves it on by one hop."""

    def __init__(self, packed: PackedJoined) -> None:
        self._unet = StreamingUNet(packed.unet, packed.grid)
        # So that no hop has the deep levels of both: the trunk's run at every eighth.
        self._unet_ahead = packed.grid.deep_period // 2
        self._trunk = TrunkStep(packed.phoenix)
        networks = self._trunk.layers, self._unet.layers, packed.phoenix.head
        self.layers = Kept(Joined(*networks, packed.answer_width))
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame`` is the index of the first hop to come."""
        self._unet.reset(frame + self._unet_ahead)
        self._trunk.reset(frame)

    def push(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """Filter one frame, [channel 2, bin] through either window: the vocals' spectrum."""
        given = np.ascontiguousarray(heard), np.ascontiguousarray(spectra)
        return joined_hop_kernels.push(self.layers, *given)

    @property
    def play(self) -> Play[Joined]:
        """The kernel that plays a stream through it."""
        return live_hop_kernels.play_joined

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [hop, channel 2, bin], the first ``frame``."""
        self.reset(frame)
        self._unet.rebuild(magnitudes_of(heard, BINS), frame + self._unet_ahead)
        self._trunk.rebuild(heard, frame)
