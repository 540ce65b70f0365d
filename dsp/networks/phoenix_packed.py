"""Phoenix's weights arranged for one frame at a time, packed once and shared by all streams.

A convolution for one frame is a matrix product. Its rows are neighbouring bins with their channels,
as they lie in memory, of the newest frame and of each frame that it looks back at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.linear import LinearKind, arrange_linear, rows_type
from dsp.networks.phoenix_hop_kernels import Head
from dsp.networks.phoenix_kernels import FAR_TAPS
from dsp.networks.phoenix_shape import BINS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.phoenix_shape import TrunkConfig
    from dsp.networks.products import Weights
    from dsp.separator import FloatArray


@dataclass(frozen=True)
class PackedTaps:
    """A causal convolution as one product, or as two: the newest time tap's, and the others'."""

    weights: Weights  # [time tap, newest first * bin tap * in] -> [out]
    past: Weights | None  # the time taps but the newest, where they are multiplied beforehand
    time_taps: int
    dilation: int  # frames between two of them
    inputs: int
    bin_taps: int
    stride: int  # bins from one row to the next
    rows: int
    frames_as: type[np.generic]  # of what type the frames that it looks back at are kept

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
    period: int  # frames between them
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
    arrays: Mapping[str, FloatArray],
    config: TrunkConfig,
    frames_per_step: int,
    kind: LinearKind = LinearKind.FLOAT32,
) -> PackedPhoenix:
    """Arrange trunk and head; ``arrays`` are named as `PhoenixNetwork` names its parameters.

    ``kind`` says how products are computed. Raises KeyError for an array that is missing.
    """
    depths = range(len(config.widths))
    levels = (_level(arrays, config, depth, frames_per_step, kind) for depth in depths)
    mask = _taps(arrays, "trunk.mask", frames_per_step, stride=1, rows=BINS // 2, kind=kind)
    return PackedPhoenix(tuple(levels), mask, pack_head(arrays, "head", kind))


def pack_head(
    arrays: Mapping[str, FloatArray], name: str, kind: LinearKind = LinearKind.FLOAT32
) -> Head:
    """Arrange a head by itself."""
    near, matrix = (
        _over_bins(arrays, f"{name}.{layer}", BINS, kind) for layer in ("near", "matrix")
    )
    far = _over_bins(arrays, f"{name}.far", BINS, kind, taps=FAR_TAPS)
    return Head(near, far, matrix)


def _level(
    arrays: Mapping[str, FloatArray],
    config: TrunkConfig,
    depth: int,
    frames_per_step: int,
    kind: LinearKind,
) -> PackedLevel:
    name, rows = f"trunk.levels.{depth}", BINS >> (depth + 1)
    apart = [config.ticks_apart(above, frames_per_step) for above in range(depth + 1)]
    period = math.prod(apart)
    dilation = config.dilation(depth, frames_per_step)
    down = _taps(
        arrays, f"{name}.down", dilation, stride=2, rows=rows, kind=kind, is_split=period > 1
    )
    return PackedLevel(
        apart[-1],
        period,
        down,
        up=_over_bins(arrays, f"{name}.up", rows, kind),
        up_inputs=arrays[f"{name}.up.weight"].shape[1],
    )


def _taps(
    arrays: Mapping[str, FloatArray],
    name: str,
    dilation: int,
    *,
    stride: int,
    rows: int,
    kind: LinearKind,
    is_split: bool = False,
) -> PackedTaps:
    """Pack [out, in, time tap, bin tap], whose oldest time tap comes first."""
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    outputs, inputs, time_taps, bin_taps = weight.shape
    newest_first = weight[:, :, ::-1].transpose(0, 2, 3, 1).reshape(outputs, -1)
    past = None
    if is_split and time_taps > 1:
        newest, others = np.split(newest_first, [bin_taps * inputs], axis=1)
        weights = arrange_linear(newest, None, rows, kind, part_of=newest_first)
        past = arrange_linear(others, bias, rows, kind, taps=time_taps - 1, part_of=newest_first)
    else:
        weights = arrange_linear(newest_first, bias, rows, kind, taps=time_taps)
    return PackedTaps(
        weights, past, time_taps, dilation, inputs, bin_taps, stride, rows, rows_type(kind)
    )


def _over_bins(
    arrays: Mapping[str, FloatArray], name: str, rows: int, kind: LinearKind, taps: int = 1
) -> Weights:
    """Pack a convolution [out, in, 1, bin tap] of one frame; ``taps`` where bins lie apart."""
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    matrix = weight[:, :, 0].transpose(0, 2, 1).reshape(len(weight), -1)
    return arrange_linear(matrix, bias, rows, kind, taps=taps)
