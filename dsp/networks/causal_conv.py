"""Causal convolutions over frames and bins: one code path for streams and for whole signals.

``forward(x, past)`` takes any number of frames and returns what the next call needs as ``past``; a
whole signal is one call that starts from silence. So streaming equals offline by construction, for
every partition of the input.

Reference: van den Oord et al., "WaveNet: a generative model for raw audio", 2016, section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FREQUENCY_TAPS = 5
FREQUENCY_PADDING = (1, 2)  # one bin below and two above, as the open U-Net's weights expect


class CausalDownConv(nn.Module):
    """Convolves over past frames and neighbouring bins; halves the bins.

    Maps [batch, inputs, frame, 2 n] to [batch, outputs, frame, n]. Output frame ``t`` reads input
    frames ``t - k * dilation`` for ``k < time_taps``, all of them present or past.
    """

    def __init__(self, inputs: int, outputs: int, *, time_taps: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(outputs, inputs, time_taps, FREQUENCY_TAPS))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_uniform_(self.weight, a=0.2)

    @property
    def past_frames(self) -> int:
        """How many earlier frames one output frame reaches back."""
        return (self.weight.shape[2] - 1) * self.dilation

    def silence(self, batch: int, bins: int) -> Tensor:
        """Make the past of a stream that has just begun: [batch, inputs, past frame, bin]."""
        return self.weight.new_zeros(batch, self.weight.shape[1], self.past_frames, bins)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve the next frames; returns them and the past of the next call."""
        joined = torch.cat([past, x], dim=2)
        padded = functional.pad(joined, FREQUENCY_PADDING)
        y = functional.conv2d(
            padded, self.weight, self.bias, stride=(1, 2), dilation=(self.dilation, 1)
        )
        return y, joined[:, :, joined.shape[2] - self.past_frames :]


class UpConv(nn.Module):
    """Doubles the bins of each frame by itself: a transposed convolution over frequency.

    Maps [batch, inputs, frame, n] to [batch, outputs, frame, 2 n].
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, 1, FREQUENCY_TAPS))
        self.bias = nn.Parameter(torch.zeros(outputs))
        # Each output bin hears half of the taps of every input channel.
        nn.init.normal_(self.weight, std=(2.0 / (inputs * FREQUENCY_TAPS / 2)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, frame, n] to [batch, outputs, frame, 2 n]."""
        grown = functional.conv_transpose2d(x, self.weight, self.bias, stride=(1, 2))
        before, after = FREQUENCY_PADDING
        return grown[..., before : grown.shape[-1] - after]
