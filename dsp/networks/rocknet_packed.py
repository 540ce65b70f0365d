"""The U-Net's weights arranged for the streaming step, packed once and shared by all streams.

The step multiplies columns of time, not frames of a window: a kernel's five time taps stand side
by side in one product. Encoder: an input column that will not change again ("final") is multiplied
by all five taps when it comes and never again; the two edge columns, 1 and 0, by the taps that
reach them: 1 and 3, or 2 and 4.
Decoder: output columns 0, 1, 2 need taps (2, 4), (1, 3) and (0, 2, 4) of input columns 0, 1, 2.

The newest frame sounds on for two more, so it is the input's column 2, and its mask needs the last
block's columns 1, 3 and 5, and these the block's before it up to column 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.kept import Kept
from dsp.networks.linear import LinearKind, arrange_linear, rows_type
from dsp.networks.products import in_halves, no_weights
from dsp.networks.rocknet_grid import FIRST_DEEP_LEVEL, SPLIT_STAGE
from dsp.networks.rocknet_hop_kernels import Blocks, Down, Mask, Up
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.products import Weights
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_state import UNetState
    from dsp.separator import FloatArray

_Taps = tuple[tuple[int | None, ...], ...]
_Products = tuple["Weights", "Weights", "Weights", "Weights"]  # newer, older, even, odd: see `Up`


@dataclass(frozen=True)
class _UpTaps:
    """Time taps of a decoder block by output column, then by input column; None: not reached.

    ``newer``: of input columns 0 and 1, for the first of ``outputs`` columns. ``older``: of column
    2, or 2 and 3, for the last of them.
    """

    outputs: int
    newer: _Taps
    older: _Taps

    @property
    def inputs(self) -> int:
        """Input columns."""
        return len(self.newer[0]) + len(self.older[0])


_USUAL_TAPS = _UpTaps(3, newer=((2, 4), (1, 3), (0, 2)), older=((4,),))
_LAST_BUT_ONE_TAPS = _UpTaps(4, newer=((2, 4), (1, 3), (0, 2), (None, 1)), older=((4,), (3,)))
_LAST_TAPS = _UpTaps(3, newer=((1, 3), (None, 1)), older=((3, None), (1, 3)))  # columns 1, 3, 5

_EVEN_TAPS, _ODD_TAPS = (3, 1), (4, 2, 0)  # frequency taps of the bins that meet in an output bin


@dataclass(frozen=True)
class PackedUNet:
    """Everything the streaming step multiplies with; immutable, but for what is worked out once.

    ``silence`` has, for each grid, the state that silence without end leaves: streams share it.
    ``kept_as``: of what type is what streams remember, and ``columns_as`` what goes from product to
    product: float32, or uint16 for bfloat16.
    """

    blocks: Kept[Blocks]
    channels: tuple[int, ...]  # input, then every level's output
    bins: int
    kept_as: type[np.generic]
    columns_as: type[np.generic]
    silence: dict[HopGrid, UNetState] = field(default_factory=dict, repr=False, compare=False)


def pack(
    arrays: Mapping[str, FloatArray], bins: int = 1024, kind: LinearKind = LinearKind.FLOAT32
) -> PackedUNet:
    """Arrange and pack weights for inputs of ``bins`` frequencies, a multiple of 64.

    ``arrays`` are named as in a file: ``encoder.0.weight`` to ``mask.bias`` (`unet_weights`).
    Raises KeyError for one that is missing.
    """
    encoder = [arrays[f"encoder.{level}.weight"] for level in range(LEVELS)]
    downs = [
        Kept(_pack_down(arrays, f"encoder.{level}", bins >> (level + 1), kind))
        for level in range(LEVELS)
    ]
    # All but that of SPLIT_STAGE have one entry; that has the skip's, then what comes from above's.
    stages = [_pack_stage(arrays, stage, bins >> (LEVELS - stage), kind) for stage in range(LEVELS)]
    blocks = Blocks(
        downs=tuple(downs[:FIRST_DEEP_LEVEL]),
        skips=tuple(Kept(of_stage[0]) for of_stage in stages[SPLIT_STAGE:]),
        deep_downs=tuple(downs[FIRST_DEEP_LEVEL:]),
        deep_ups=tuple(Kept(of_stage[-1]) for of_stage in stages[: SPLIT_STAGE + 1]),
        mask=Mask(
            np.ascontiguousarray(arrays["mask.weight"][:, 0, ::-1][:, 1:]), arrays["mask.bias"]
        ),
    )
    return PackedUNet(
        Kept(blocks),
        channels=(encoder[0].shape[1], *(len(weight) for weight in encoder)),
        bins=bins,
        kept_as=np.float32 if kind is LinearKind.FLOAT32 else np.uint16,
        columns_as=rows_type(kind),
    )


def _pack_down(arrays: Mapping[str, FloatArray], name: str, rows: int, kind: LinearKind) -> Down:
    weight = arrays[f"{name}.weight"]  # [out, in, time, frequency]
    taps = weight.transpose(2, 0, 3, 1).reshape(5, len(weight), -1)  # [time, out, frequency * in]
    whole = taps.reshape(5 * len(weight), -1)
    first, odd, even = (
        arrange_linear(np.concatenate(some), None, rows, kind, part_of=whole)
        for some in (taps[:1], taps[1::2], taps[2::2])
    )
    return Down(
        first,
        odd,
        even,
        arrays[f"{name}.bias"],
        arrays[f"{name}.scale"],
        arrays[f"{name}.shift"],
    )


def _pack_stage(
    arrays: Mapping[str, FloatArray], stage: int, bins: int, kind: LinearKind
) -> tuple[Up, ...]:
    weight, bias, *affine = (
        arrays[f"decoder.{stage}.{name}"] for name in ("weight", "bias", "scale", "shift")
    )
    taps = {LEVELS - 2: _LAST_BUT_ONE_TAPS, LEVELS - 1: _LAST_TAPS}.get(stage, _USUAL_TAPS)
    if stage > SPLIT_STAGE and rows_type(kind) is np.uint16:
        products = _pack_gathering(weight, bias, taps)
        return (Up(bins, taps.inputs, len(weight), *products, *affine),)
    parts: list[tuple[FloatArray, FloatArray | None]] = [(weight, bias)]
    if stage == SPLIT_STAGE:
        skip, above = np.split(weight, 2)
        parts = [(skip, None), (above, bias)]
    return tuple(
        Up(bins, taps.inputs, len(part), *_pack_dealing(part, own, taps, bins, kind), *affine)
        for part, own in parts
    )


def _pack_dealing(
    weight: FloatArray, bias: FloatArray | None, taps: _UpTaps, bins: int, kind: LinearKind
) -> _Products:
    """Arrange products that deal what comes of an input bin out."""
    beyond = taps.outputs - len(taps.newer)  # columns that only the older inputs reach
    newer = _spread_bias(bias, len(taps.newer), len(taps.newer))
    older = _spread_bias(bias, len(taps.older), beyond)
    return (
        arrange_linear(_by_columns(weight, taps.newer), newer, bins, kind),
        arrange_linear(_by_columns(weight, taps.older), older, bins, kind),
        no_weights(),
        no_weights(),
    )


def _pack_gathering(weight: FloatArray, bias: FloatArray, taps: _UpTaps) -> _Products:
    """Arrange products that gather what an output bin is made of."""
    even, odd = (
        in_halves(_by_bins(weight, taps, of_bins), np.tile(bias, taps.outputs))
        for of_bins in (_EVEN_TAPS, _ODD_TAPS)
    )
    return no_weights(), no_weights(), even, odd


def _by_bins(weight: FloatArray, taps: _UpTaps, of_bins: tuple[int, ...]) -> FloatArray:
    """[in, out, time, frequency] to [output column * out, bin * input column * in]."""
    in_channels, out_channels = weight.shape[:2]
    by_tap = weight[..., of_bins].transpose(2, 1, 3, 0)  # [time, out, bin, in]
    shape = (taps.outputs, out_channels, len(of_bins), taps.inputs, in_channels)
    placed = np.zeros(shape, np.float32)
    for of_inputs, first_output, first_input in (
        (taps.newer, 0, 0),
        (taps.older, taps.outputs - len(taps.older), len(taps.newer[0])),
    ):
        for column, of_input in enumerate(of_inputs, first_output):
            for index, tap in enumerate(of_input, first_input):
                if tap is not None:
                    placed[column, :, :, index] = by_tap[tap]
    return placed.reshape(taps.outputs * out_channels, -1)


def _by_columns(weight: FloatArray, taps: _Taps) -> FloatArray:
    """[in, out, time, frequency] to [output column * frequency * out, input column * in]."""
    in_channels, out_channels = weight.shape[:2]
    by_tap = weight.transpose(2, 3, 1, 0)  # [time, frequency, out, in]
    placed = np.zeros((len(taps), 5, out_channels, len(taps[0]), in_channels), np.float32)
    for column, of_inputs in enumerate(taps):
        for index, tap in enumerate(of_inputs):
            if tap is not None:
                placed[column, :, :, index] = by_tap[tap]
    return placed.reshape(len(taps) * 5 * out_channels, -1)


def _spread_bias(bias: FloatArray | None, columns: int, biased: int) -> FloatArray | None:
    """Put the bias of the last ``biased`` columns where every output bin meets it once.

    That is tap 1 for even bins and tap 2 for odd ones.
    """
    if bias is None or not biased:
        return None
    spread = np.zeros((columns, 5, len(bias)), np.float32)
    spread[columns - biased :, 1:3] = bias
    return spread.reshape(-1)
