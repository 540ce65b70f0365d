"""The parameters of one amplitude U-Net, as plain tensors.

The shape is that of Spleeter's two-stem model (Hennequin et al., "Spleeter: a fast and efficient
music source separation tool with pre-trained models", JOSS 2020), with batch normalisation in its
evaluation form: one scale and one shift per channel. The offline network (`unet`) and the streaming
one (`rocknet_streaming`) are two ways of computing the same function of these tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dsp.networks.unet_shape import FIELDS, LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsp.separator import FloatArray


@dataclass(frozen=True, slots=True)
class ConvBlock:
    """A convolution and the affine map that its batch normalisation amounts to.

    Encoder blocks: ``weight`` [out, in, time, frequency]; ``raw = conv(x) + bias`` is the skip
    connection, ``leaky_relu(scale * raw + shift, 0.2)`` goes one level down.
    Decoder blocks: ``weight`` [in, out, time, frequency] of the transposed convolution;
    ``scale * relu(conv_transpose(x) + bias) + shift`` goes one level up.
    ``bias``, ``scale`` and ``shift`` are [out].
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    shift: Tensor


@dataclass(frozen=True, slots=True)
class UNetWeights:
    """Six encoder blocks, six decoder blocks, deepest last and first, and the mask's last layer.

    Encoder and decoder kernels are 5 x 5 with stride 2. ``mask_weight`` [channel, 1, 4, 4] has
    dilation 2 and padding 3, ``mask_bias`` is [channel]; a sigmoid follows.
    """

    encoder: tuple[ConvBlock, ...]
    decoder: tuple[ConvBlock, ...]
    mask_weight: Tensor
    mask_bias: Tensor

    @property
    def encoder_channels(self) -> tuple[int, ...]:
        """Input channels, then the output channels of every encoder level."""
        return (self.encoder[0].weight.shape[1], *(b.weight.shape[0] for b in self.encoder))

    def arrays(self) -> dict[str, FloatArray]:
        """Return all of them as arrays, by the names of `weights_from_tensors`."""
        sides = {"encoder": self.encoder, "decoder": self.decoder}
        named = {
            f"{side}.{level}.{field}": getattr(block, field)
            for side, blocks in sides.items()
            for level, block in enumerate(blocks)
            for field in FIELDS
        }
        named |= {"mask.weight": self.mask_weight, "mask.bias": self.mask_bias}
        return {name: tensor.detach().numpy() for name, tensor in named.items()}


def weights_from_tensors(tensors: Mapping[str, Tensor]) -> UNetWeights:
    """Arrange tensors named ``encoder.0.weight`` ... ``mask.bias``; KeyError if one is missing."""
    return UNetWeights(
        encoder=_blocks(tensors, "encoder"),
        decoder=_blocks(tensors, "decoder"),
        mask_weight=tensors["mask.weight"],
        mask_bias=tensors["mask.bias"],
    )


def _blocks(tensors: Mapping[str, Tensor], side: str) -> tuple[ConvBlock, ...]:
    return tuple(
        ConvBlock(*(tensors[f"{side}.{level}.{field}"] for field in FIELDS))
        for level in range(LEVELS)
    )


def untrained_weights(
    channels: Sequence[int] = (16, 32, 64, 128, 256, 512), *, audio_channels: int = 2, seed: int = 0
) -> UNetWeights:
    """Random weights that keep the signal's size from level to level.

    ``channels`` are the encoder's output channels, one per level. They let speed be measured, and
    the streaming laws be tested, where the trained weights are not installed.
    """
    generator = torch.Generator().manual_seed(seed)
    widths = (audio_channels, *channels)
    encoder = tuple(
        _random_block((widths[k + 1], widths[k], 5, 5), widths[k + 1], generator)
        for k in range(LEVELS)
    )
    inputs = (widths[6], *(2 * widths[k] for k in range(5, 0, -1)))
    outputs = (*(widths[k] for k in range(5, 0, -1)), 1)
    decoder = tuple(
        _random_block((inputs[k], outputs[k], 5, 5), outputs[k], generator) for k in range(LEVELS)
    )
    mask_weight = torch.randn((audio_channels, 1, 4, 4), generator=generator)
    return UNetWeights(encoder, decoder, mask_weight, torch.zeros(audio_channels))


def _random_block(
    shape: tuple[int, int, int, int], channels: int, generator: torch.Generator
) -> ConvBlock:
    fan_in = 25 * (shape[0] + shape[1] - channels)
    return ConvBlock(
        weight=torch.randn(shape, generator=generator) * (2.0 / fan_in) ** 0.5,
        bias=0.1 * torch.randn(channels, generator=generator),
        scale=1.0 + 0.1 * torch.randn(channels, generator=generator),
        shift=0.1 * torch.randn(channels, generator=generator),
    )
