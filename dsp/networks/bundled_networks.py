"""Bundled weights read into the networks that they were trained in, as torch has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from dsp.networks.bundled_weights import load_bundled
from dsp.networks.cassiopeia_trunk import CONFIG, make_network
from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.joined_step import named_within
from dsp.networks.phoenix_shape import HOPS_PER_STEP, PhoenixConfig
from dsp.networks.unet_weights import UNetWeights, weights_from_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.networks.model_card import WeightsFile
    from dsp.networks.phoenix_network import PhoenixNetwork
    from dsp.separator import FloatArray

_Network = TypeVar("_Network", bound=nn.Module)


def load_phoenix(file: WeightsFile, hops_per_step: int = HOPS_PER_STEP) -> JoinedNetwork:
    """Read the joined network for streams; raises WeightsMissingError or WeightsCorruptError."""

    def make(arrays: Mapping[str, FloatArray]) -> JoinedNetwork:
        network = JoinedNetwork(unet_weights(arrays), PhoenixConfig(), hops_per_step)
        return _filled(network, arrays)

    return load_bundled(file, make)


def load_unet(file: WeightsFile) -> UNetWeights:
    """Read the joined network's U-Net; raises WeightsMissingError or WeightsCorruptError."""
    return load_bundled(file, unet_weights)


def load_cassiopeia(file: WeightsFile) -> PhoenixNetwork:
    """Read the network for streams; raises WeightsMissingError or WeightsCorruptError."""
    return load_bundled(file, lambda arrays: _filled(make_network(CONFIG, HOPS_PER_STEP), arrays))


def unet_weights(arrays: Mapping[str, FloatArray]) -> UNetWeights:
    """Arrange a joined network's U-Net."""
    return weights_from_tensors(_tensors(named_within(arrays, "unet.")))


def _filled(network: _Network, arrays: Mapping[str, FloatArray]) -> _Network:
    network.load_state_dict(_tensors(arrays), assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def _tensors(arrays: Mapping[str, FloatArray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
