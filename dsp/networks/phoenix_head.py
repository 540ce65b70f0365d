"""Phoenix's head: a complex filter for the newest frame, on top of what the trunk says.

The trunk's mask scales each channel by itself. The head adds a 2 x 2 complex matrix per bin, so
that what comes from one direction can be taken out of both channels, and phase can be set right.
Its coefficients come from magnitudes and phase *differences* alone: a common phase passes through.
It looks at one frame, the newest, at the audio's own hop; its past is the trunk's matter.

References: Duong, Vincent & Gribonval, "Under-determined reverberant audio source separation using
a full-rank spatial covariance model", 2010 (why a matrix); Williamson, Wang & Wang, "Complex ratio
masking for monaural speech separation", 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.networks.phoenix_shape import CHANNELS, LEVEL_SCALE, QUIET

_MATRIX = CHANNELS * CHANNELS
_DIRECTION_FEATURES = 4  # balance, coherence's two parts, level
_TAPS = 5
_DILATION = 3


class PhoenixHead(nn.Module):
    """From the trunk's answer and mask, and the newest spectrum, to what is added to the mask.

    Begins as nothing at all: its last layer starts at zero.
    """

    def __init__(self, answer_width: int, width: int) -> None:
        super().__init__()
        inputs = answer_width + CHANNELS + _DIRECTION_FEATURES
        self.near = nn.Conv2d(inputs, width, (1, _TAPS), padding=(0, _TAPS // 2))
        reach = _DILATION * (_TAPS // 2)
        self.far = nn.Conv2d(width, width, (1, _TAPS), padding=(0, reach), dilation=(1, _DILATION))
        self.matrix = nn.Conv2d(width, 2 * _MATRIX, 1)
        for parameter in self.matrix.parameters():
            nn.init.zeros_(parameter)

    def forward(self, answer: Tensor, mask: Tensor, spectra: Tensor) -> Tensor:
        """Filter ``spectra`` with the matrices alone: complex [batch, channel 2, frame, bin].

        ``answer`` [batch, width, frame, bin], ``mask`` [batch, channel 2, frame, bin].
        """
        return (self.matrices(answer, mask, spectra) * spectra[:, None]).sum(dim=2)

    def matrices(self, answer: Tensor, mask: Tensor, spectra: Tensor) -> Tensor:
        """Give the matrices: complex [batch, channel out 2, channel in 2, frame, bin]."""
        features = torch.cat([answer, mask, direction(spectra)], dim=1)
        features = features.contiguous(memory_format=torch.channels_last)
        hidden = functional.leaky_relu(self.near(features), 0.2)
        hidden = functional.leaky_relu(self.far(hidden), 0.2)
        # Complex numbers have no half precision: training in bfloat16 comes back to float32 here.
        real, imaginary = torch.tanh(self.matrix(hidden).float()).chunk(2, dim=1)
        batch, _, frames, bins = real.shape
        return torch.complex(real, imaginary).reshape(batch, CHANNELS, CHANNELS, frames, bins)


def direction(spectra: Tensor) -> Tensor:
    """Where sound comes from, and how loud it is beside the other bins of its frame.

    Complex [batch, channel 2, frame, bin] to [batch, 4, frame, bin]: balance and both parts of the
    coherence, -1 to 1; log power less its mean over bins. The same for any common phase and level.
    """
    left, right = spectra[:, 0], spectra[:, 1]
    power_left, power_right = (side.real.square() + side.imag.square() for side in (left, right))
    power = power_left + power_right
    cross = 2.0 * left * right.conj() / (power + QUIET)
    level = LEVEL_SCALE * torch.log(power + QUIET)
    balance = (power_left - power_right) / (power + QUIET)
    level = level - level.mean(dim=-1, keepdim=True)
    return torch.stack([balance, cross.real, cross.imag, level], dim=1)
