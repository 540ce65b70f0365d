"""A starting point for Phoenix's trunk: the open U-Net's weights, folded onto present and past.

The open U-Net's columns read two frames of their future at every level. Where the future is not
there, the best guess that needs no training is that it will sound like the present: the taps
that read it are added to the tap that reads the newest column. On the way up a column is decoded
from the newest one above it alone. Normalisations go into the convolutions next to
them. Training then teaches each level what the guess misses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dsp.networks.causal_conv import bin_phases
from dsp.networks.phoenix_shape import USUAL_MAGNITUDE
from dsp.networks.phoenix_trunk import PhoenixTrunk
from dsp.networks.unet_weights import ConvBlock, UNetWeights

_PRESENT_TAP = 2  # of five in time: two past, the present, two of the future


def fold_unet_into_trunk(weights: UNetWeights, trunk: PhoenixTrunk) -> None:
    """Write the folded weights into the trunk, in place.

    Time taps that the trunk has beyond the U-Net's three start at zero. Raises RuntimeError (torch)
    where the widths differ.
    """
    ups = list(reversed(weights.decoder))  # shallowest first, like the levels
    with torch.no_grad():
        for depth, level in enumerate(trunk.stack):
            block = weights.encoder[depth]
            scale = block.scale
            unit = USUAL_MAGNITUDE if depth == 0 else 1.0
            _fold_down(unit * block.weight * scale[:, None, None, None], level.down.weight)
            level.down.bias.copy_(block.bias * scale + block.shift)
            deeper = ups[depth + 1] if depth + 1 < len(ups) else None
            weight, bias = _folded_up(ups[depth], block, deeper)
            _fill(level.up.weight, weight)
            _fill(level.up.bias, bias)
        _fold_mask(weights, ups[0], trunk)


def _fold_down(source: Tensor, target: Tensor) -> None:
    """[out, in, 5, 5] into the newest three of [out, in, taps, 5]."""
    target.zero_()
    target[:, :, -1] = source[:, :, _PRESENT_TAP:].sum(dim=2)
    target[:, :, -1 - _PRESENT_TAP : -1] = source[:, :, :_PRESENT_TAP]


def _folded_up(
    block: ConvBlock, skipped: ConvBlock, deeper: ConvBlock | None
) -> tuple[Tensor, Tensor]:
    """Weight [2 out, in, 1, 3] and bias [2 out] of a way up, even bins' first.

    Even time taps reach the newer of two columns below, so their sum stands for it. Its inputs are
    the skip, here already scaled and shifted, and what comes from deeper, here not yet; the deepest
    has a skip alone.
    """
    scale, shift = 1.0 / skipped.scale, -skipped.shift / skipped.scale
    if deeper is not None:
        scale, shift = torch.cat([scale, deeper.scale]), torch.cat([shift, deeper.shift])
    if block.weight.shape[0] != scale.numel():
        raise RuntimeError(f"{block.weight.shape[0]} inputs for {scale.numel()} channels")
    phases = bin_phases(block.weight[:, :, ::2].sum(dim=2))
    bias = block.bias.repeat(2) + torch.einsum("i,oif->o", shift, phases)
    return (phases * scale[:, None])[:, :, None], bias


def _fold_mask(weights: UNetWeights, last: ConvBlock, trunk: PhoenixTrunk) -> None:
    """Make the mask of the first answer channel alone, as the U-Net has no other."""
    folded = _folded_mask(weights.mask_weight)
    trunk.mask.weight.zero_()
    trunk.mask.weight[:, :: trunk.config.answer_width] = folded * last.scale
    reach = folded.sum(dim=(1, 2, 3)) * last.shift
    trunk.mask.bias.copy_(weights.mask_bias.repeat(2) + reach)


def _fill(target: Tensor, source: Tensor) -> None:
    """Write [2 out, ...] into the first channels of each phase of a target that may have more."""
    for wanted, given in zip(target.chunk(2), source.chunk(2), strict=True):
        wanted[: given.shape[0]] = given


def _folded_mask(source: Tensor) -> Tensor:
    """[channel, 1, 4, 4] to [2 channel, 2, 4, 5], even bins before odd ones on either side.

    Taps at -3, -1, 1, 3 frames go to -3, -2, -1, 0. Taps at -3, -1, 1, 3 bins make even bins read
    odd ones and odd bins even ones.
    """
    channels = source.shape[0]
    in_time = torch.zeros_like(source[:, 0])
    in_time[:, 0] = source[:, 0, 0]
    in_time[:, 2] = source[:, 0, 1]
    in_time[:, 3] = source[:, 0, 2] + source[:, 0, 3]
    folded = source.new_zeros(2 * channels, 2, 4, 5)
    folded[:channels, 1, :, :4] = in_time
    folded[channels:, 0, :, 1:] = in_time
    return folded
