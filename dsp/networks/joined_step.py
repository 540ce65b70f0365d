"""The joined network one hop at a time: packed weights, preallocated state.

Phoenix's trunk and the head run at every hop, the U-Net at every second one; its deep levels at
every fourth of those, spread over two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dsp.networks import phoenix_packed, rocknet_packed
from dsp.networks.joined_network import HOPS_PER_MASK
from dsp.networks.phoenix_head_step import NEAR_REACH, HeadStep
from dsp.networks.phoenix_step import TrunkStep
from dsp.networks.phoenix_trunk import BINS, CHANNELS
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet

if TYPE_CHECKING:
    from dsp.networks.joined_network import JoinedNetwork
    from dsp.networks.packed_linear import LinearKind
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.phoenix_packed import PackedPhoenix
    from dsp.networks.rocknet_packed import PackedUNet

GRID = HopGrid(hops_per_column=1, deep_period=4, deep_hops=2, works_between=True)
"""One of the U-Net's hops is two of the audio's."""


@dataclass(frozen=True)
class PackedJoined:
    """Both networks' weights; immutable, shared by all streams."""

    unet: PackedUNet
    phoenix: PackedPhoenix
    answer_width: int


def pack(network: JoinedNetwork, kind: LinearKind | None = None) -> PackedJoined:
    """Arrange a network's weights; ``kind`` says how products are computed."""
    return PackedJoined(
        rocknet_packed.pack(network.unet.weights, BINS, kind),
        phoenix_packed.pack(network, kind),
        network.config.trunk.answer_width,
    )


class JoinedStep:
    """One stream's state, and the step that moves it on by one hop."""

    def __init__(self, packed: PackedJoined) -> None:
        self._unet = StreamingUNet(packed.unet, GRID)
        self._trunk = TrunkStep(packed.phoenix)
        self._head = HeadStep(packed.phoenix.head)
        width = packed.answer_width
        # The head's features: the trunk's answer, the U-Net's opinion, and what it adds itself.
        self._opinion = self._head.features[NEAR_REACH : NEAR_REACH + BINS, width : width + 2]
        self._silence = self._unet.push(np.zeros((CHANNELS, BINS), np.float32)).T.copy()
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Silence so far; ``frame``, the index of the first hop to come, places the masks.

        The U-Net listens at odd hops: one of its frames ends with each whole step of audio.
        """
        self._until_mask = (HOPS_PER_MASK - 1 - frame) % HOPS_PER_MASK
        self._unet.reset(frame // HOPS_PER_MASK)
        self._trunk.reset(frame)
        self._head.reset()
        self._opinion[:] = self._silence

    def push(self, heard: ComplexArray, spectra: ComplexArray) -> ComplexArray:
        """Filter the next frame, [channel 2, bin] through either window: the vocals' spectrum."""
        with torch.inference_mode():
            mask = self._trunk.listen(heard, self._head.features)
            self._ask_unet(heard)
            return self._head.filter(np.float32(0.5) * (mask + self._opinion), spectra)

    def rebuild(self, heard: ComplexArray, frame: int) -> None:
        """Set the state as after a reset and frames [channel 2, hop, bin], the first ``frame``."""
        self.reset(frame)
        for_unet = heard[:, self._until_mask :: HOPS_PER_MASK, :BINS]
        magnitudes = np.abs(for_unet).transpose(1, 0, 2)
        mask = self._unet.rebuild(magnitudes, frame // HOPS_PER_MASK)
        if mask is not None:
            self._opinion[:] = mask.T
        self._until_mask = (self._until_mask - heard.shape[1]) % HOPS_PER_MASK
        with torch.inference_mode():
            self._trunk.rebuild(heard, frame, self._head.features)

    def _ask_unet(self, heard: ComplexArray) -> None:
        """Have its mask made anew, if this is a hop for it; else some of its work done."""
        if self._until_mask == 0:
            self._opinion[:] = self._unet.push(np.abs(heard[:, :BINS])).T
        else:
            self._unet.work_ahead()
        self._until_mask = (self._until_mask - 1) % HOPS_PER_MASK
