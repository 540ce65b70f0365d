"""Phoenix and the live U-Net joined: two opinions of what is a voice, one complex head.

The two were trained on different music and err in different places: the mean of their masks is
better than either. A second, light head hears the trunk alone: a stream that uses it does without
the U-Net, which takes three quarters of the time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsp.networks.live_unet import LiveUNet, Moments
from dsp.networks.phoenix_head import PhoenixHead
from dsp.networks.phoenix_network import PhoenixNetwork, filtered
from dsp.networks.phoenix_shape import CHANNELS, PhoenixConfig
from dsp.networks.phoenix_trunk import PhoenixTrunk
from dsp.networks.unet_weights import UNetWeights


class JoinedNetwork(nn.Module):
    """Magnitudes heard and spectra to be filtered, in; vocals' spectra out.

    ``frames_per_step`` is the trunk's; `forward` gives the U-Net frames one step apart.
    """

    def __init__(
        self, weights: UNetWeights, config: PhoenixConfig, frames_per_step: int = 1
    ) -> None:
        super().__init__()
        self.config = config
        self.unet = LiveUNet(weights)
        self.trunk = PhoenixTrunk(config.trunk, frames_per_step)
        self.head = PhoenixHead(config.trunk.answer_width + CHANNELS, config.head_width)
        self.light_head = PhoenixHead(config.trunk.answer_width, config.head_width)

    def forward(
        self, heard: tuple[Tensor, Tensor], spectra: Tensor, moments: Moments, ticks_from: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Filter complex ``spectra`` [batch, channel 2, frame, bin]: at the moments, and lightly.

        ``heard`` [batch, 2, frame, 1024] are magnitudes as the U-Net's deep levels hear them and as
        all else does: the same frames, or a hop later; ``ticks_from`` is the trunk's index of the
        first one. Returns [batch, channel 2, moment, bin], and every frame with the light head.
        """
        chosen = torch.tensor(moments.masks(heard[0].shape[2]))
        opinion = _as_frames(self.unet(heard, moments), len(spectra))
        state = self.trunk.initial_state(len(spectra), ticks_from)
        answer, logits = self.trunk.answer_and_logits(heard[1], state)
        at_moments = (each[:, :, chosen] for each in (answer, logits, spectra))
        light = self.filter_lightly(answer, logits, spectra)
        return self.filter(opinion, *at_moments), light

    def filter(self, opinion: Tensor, answer: Tensor, logits: Tensor, spectra: Tensor) -> Tensor:
        """Filter ``spectra`` [batch, channel 2, frame, bin] with what either network says of them.

        ``opinion`` is the U-Net's mask, ``answer`` and ``logits`` are the trunk's: [batch, channel,
        frame, 1024].
        """
        mask = 0.5 * (opinion + torch.sigmoid(logits))
        return filtered(self.head, torch.cat([answer, opinion], dim=1), mask, spectra)

    def filter_lightly(self, answer: Tensor, logits: Tensor, spectra: Tensor) -> Tensor:
        """Filter ``spectra`` with what the trunk alone says of them, as Phoenix by itself does."""
        return filtered(self.light_head, answer, torch.sigmoid(logits), spectra)


def join(weights: UNetWeights, phoenix: PhoenixNetwork) -> JoinedNetwork:
    """Start from the U-Net and a trained Phoenix: half of what each would have played, nearly.

    Raises RuntimeError (torch) where the shapes do not fit.
    """
    joined = JoinedNetwork(weights, phoenix.config)
    joined.trunk.load_state_dict(phoenix.trunk.state_dict())
    head = phoenix.head.state_dict()
    joined.light_head.load_state_dict(head)
    width = phoenix.config.trunk.answer_width
    answer, mask, direction = head["near.weight"].tensor_split((width, width + CHANNELS), dim=1)
    # The head knew Phoenix's own mask: twice the mean less the other opinion.
    head["near.weight"] = torch.cat([answer, -mask, 2.0 * mask, direction], dim=1)
    for name in ("matrix.weight", "matrix.bias"):
        head[name] = 0.5 * head[name]
    joined.head.load_state_dict(head)
    return joined


def _as_frames(by_moment: Tensor, batch: int) -> Tensor:
    """[batch * moment, channel, 1, bin] to [batch, channel, moment, bin]."""
    _, channels, _, bins = by_moment.shape
    return by_moment.reshape(batch, -1, channels, bins).transpose(1, 2)
