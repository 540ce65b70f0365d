"""From networks as torch has them to what their steps compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from dsp.networks import joined_step, phoenix_packed, rocknet_packed
from dsp.networks.joined_step import GRID
from dsp.networks.linear import LinearKind

if TYPE_CHECKING:
    from torch import nn

    from dsp.networks.joined_network import JoinedNetwork
    from dsp.networks.joined_step import PackedJoined
    from dsp.networks.phoenix_network import PhoenixNetwork
    from dsp.networks.phoenix_packed import PackedPhoenix
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.networks.unet_weights import UNetWeights
    from dsp.separator import FloatArray


def arrays_of(network: nn.Module) -> dict[str, FloatArray]:
    """Return every layer's weight and bias by the name that a file has for it.

    Those of complex layers as real ones.
    """
    arrays = {}
    for name, layer in network.named_modules():
        for kind in ("weight", "bias"):
            values = getattr(layer, kind, None)
            if isinstance(values, Tensor):
                arrays[f"{name}.{kind}"] = values.detach().numpy()
    return arrays


def pack_phoenix(network: PhoenixNetwork, kind: LinearKind = LinearKind.FLOAT32) -> PackedPhoenix:
    """Arrange a network of Phoenix's shape; ``kind`` says how products are computed."""
    trunk = network.trunk
    return phoenix_packed.pack(arrays_of(network), trunk.config, trunk.frames_per_step, kind)


def pack_unet(
    weights: UNetWeights, bins: int = 1024, kind: LinearKind = LinearKind.FLOAT32
) -> PackedUNet:
    """Arrange the U-Net's weights for inputs of ``bins`` frequencies, a multiple of 64."""
    return rocknet_packed.pack(weights.arrays(), bins, kind)


def pack_joined(
    network: JoinedNetwork, kind: LinearKind = LinearKind.FLOAT32, grid: HopGrid = GRID
) -> PackedJoined:
    """Arrange both networks; ``grid`` says when the U-Net's deep levels run."""
    trunk = network.trunk
    unet = {f"unet.{name}": array for name, array in network.unet.weights.arrays().items()}
    arrays = arrays_of(network) | unet
    return joined_step.pack(arrays, trunk.config, trunk.frames_per_step, kind, grid)
