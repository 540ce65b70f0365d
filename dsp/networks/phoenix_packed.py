"""Phoenix's weights arranged for one frame at a time, packed once and shared by all streams.

A convolution for one frame is a matrix product. Its rows are neighbouring bins with their channels,
as they lie in memory, of the newest frame and of each frame that it looks back at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dsp.networks.causal_conv import CausalBinConv, CausalDownConv
from dsp.networks.linear import LinearKind, arrange_linear
from dsp.networks.phoenix_hop_kernels import Head
from dsp.networks.phoenix_trunk import BINS, PhoenixTrunk

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dsp.networks.joined_network import JoinedNetwork
    from dsp.networks.phoenix_head import PhoenixHead
    from dsp.networks.phoenix_network import PhoenixNetwork
    from dsp.networks.products import Weights


@dataclass(frozen=True)
class PackedTaps:
    """A causal convolution as one product."""

    weights: Weights  # [time tap, newest first * bin tap * in] -> [out]
    time_taps: int
    dilation: int  # frames between two of them
    inputs: int
    bin_taps: int
    stride: int  # bins from one row to the next
    rows: int

    @property
    def reach(self) -> int:
        """How far back it looks, in frames of its own."""
        return (self.time_taps - 1) * self.dilation

    @property
    def padded_bins(self) -> int:
        """What all rows together read of a frame."""
        return (self.rows - 1) * self.stride + self.bin_taps


@dataclass(frozen=True)
class PackedLevel:
    """One level of the trunk, down and up."""

    apart: int  # ticks of the level above between two of its own
    down: PackedTaps
    up: Weights  # [3 bins * up_inputs] -> [(even, odd) * answer]
    up_inputs: int  # channels of the skip and of the deeper level's answer


@dataclass(frozen=True)
class PackedPhoenix:
    """The whole network; immutable."""

    levels: tuple[PackedLevel, ...]
    mask: PackedTaps
    head: Head

    @property
    def horizon_frames(self) -> int:
        """How many of the newest frames have any part in what the trunk says next."""
        reach, tick = self.mask.reach, 1
        for level in self.levels:
            tick *= level.apart
            reach += tick * level.down.reach
        return reach + tick


def pack(
    network: PhoenixNetwork | JoinedNetwork, kind: LinearKind = LinearKind.FLOAT32
) -> PackedPhoenix:
    """Arrange trunk and head; ``kind`` says how products are computed."""
    trunk = network.trunk
    levels = tuple(_level(trunk, depth, kind) for depth in range(len(trunk.stack)))
    mask = _taps(trunk.mask, 1, BINS // 2, kind)
    return PackedPhoenix(levels, mask, pack_head(network.head, kind))


def pack_head(head: PhoenixHead, kind: LinearKind = LinearKind.FLOAT32) -> Head:
    """Arrange a head by itself."""
    return Head(*(_over_bins(layer, BINS, kind) for layer in (head.near, head.far, head.matrix)))


def _level(trunk: PhoenixTrunk, depth: int, kind: LinearKind) -> PackedLevel:
    level = trunk.stack[depth]
    rows = BINS >> (depth + 1)
    return PackedLevel(
        level.apart,
        down=_taps(level.down, 2, rows, kind),
        up=_over_bins(level.up, rows, kind),
        up_inputs=level.up.weight.shape[1],
    )


def _taps(
    conv: CausalDownConv | CausalBinConv, stride: int, rows: int, kind: LinearKind
) -> PackedTaps:
    """Pack [out, in, time tap, bin tap], whose oldest time tap comes first."""
    _, inputs, time_taps, bin_taps = conv.weight.shape
    newest_first = conv.weight.flip(2).permute(0, 2, 3, 1).flatten(1)
    weights = arrange_linear(newest_first, conv.bias, rows, kind)
    return PackedTaps(weights, time_taps, conv.dilation, inputs, bin_taps, stride, rows)


def _over_bins(conv: nn.Module, rows: int, kind: LinearKind) -> Weights:
    """Pack a convolution [out, in, 1, bin tap] that sees one frame."""
    weight, bias = cast("Tensor", conv.weight), cast("Tensor", conv.bias)
    return arrange_linear(weight[:, :, 0].permute(0, 2, 1).flatten(1), bias, rows, kind)
