"""Phoenix: the slow trunk and the fast head, from what is heard to the vocals' spectrum."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from dsp.networks.phoenix_head import PhoenixHead
from dsp.networks.phoenix_shape import BINS, HOPS_PER_STEP, PhoenixConfig
from dsp.networks.phoenix_trunk import PhoenixTrunk, TrunkState

_TOP_BINS = 32
_Network = TypeVar("_Network", bound=nn.Module)


class PhoenixNetwork(nn.Module):
    """Magnitudes heard and spectra to be filtered, in; vocals' spectra out; a state in between.

    Another ``trunk`` than Phoenix's may hear more than magnitudes.
    """

    def __init__(
        self,
        config: PhoenixConfig,
        frames_per_step: int = 1,
        trunk: type[PhoenixTrunk] = PhoenixTrunk,
    ) -> None:
        super().__init__()
        self.config = config
        self.trunk = trunk(config.trunk, frames_per_step)
        self.head = PhoenixHead(config.trunk.answer_width, config.head_width)

    def initial_state(self, batch: int = 1, frame: int = 0) -> TrunkState:
        """Silence so far; ``frame`` is the index of the first frame to come."""
        return self.trunk.initial_state(batch, frame)

    def forward(self, heard: Tensor, spectra: Tensor, state: TrunkState) -> Tensor:
        """Filter complex ``spectra`` [batch, channel 2, frame, bin]; the state moves on.

        ``heard`` [batch, 2, frame, 1024] are magnitudes of the same moments.
        """
        answer, logits = self.trunk.answer_and_logits(heard, state)
        mask = torch.sigmoid(logits)
        return filtered(self.head, answer, mask, spectra)


def live_network(config: PhoenixConfig) -> PhoenixNetwork:
    """Make a network for streams: frames come at the audio's hop, half a step apart."""
    return PhoenixNetwork(config, HOPS_PER_STEP)


def filtered(head: PhoenixHead, answer: Tensor, mask: Tensor, spectra: Tensor) -> Tensor:
    """Scale complex ``spectra`` [batch, channel 2, frame, bin] by the mask; add what the head says.

    ``answer`` and ``mask`` [batch, channel, frame, 1024]; above those bins the mask alone works.
    """
    scaled = extended(mask, spectra.shape[-1]) * spectra
    turned = head(answer, mask, spectra[..., :BINS])
    return torch.cat([scaled[..., :BINS] + turned, scaled[..., BINS:]], dim=-1)


def channels_last(network: _Network) -> _Network:
    """Lay the weights out so that channels are neighbours: what its convolutions run fastest on."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def extended(mask: Tensor, bins: int) -> Tensor:
    """Carry a mask [..., 1024] on above 11 kHz: what holds at its upper edge is held to go on."""
    edge = mask[..., -_TOP_BINS:].mean(dim=-1, keepdim=True)
    return torch.cat([mask, edge.expand(*mask.shape[:-1], bins - BINS)], dim=-1)
