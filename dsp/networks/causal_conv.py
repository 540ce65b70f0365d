"""Causal convolutions over frames and bins: one code path for streams and for whole signals.

``forward(x, past)`` takes any number of frames and returns what the next call needs as ``past``; a
whole signal is one call that starts from silence. So streaming equals offline by construction, for
every partition of the input.

Tensors are [batch, channel, frame, bin] with channels as neighbours in memory (channels-last), on
which these convolutions run two to four times faster.

Reference: van den Oord et al., "WaveNet: a generative model for raw audio", 2016, section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_DOWN_TAPS = 5
_DOWN_PADDING = (1, 2)  # one bin below and two above, as the open U-Net's weights expect
_UP_TAPS = 3
_BIN_TAPS = 5
_PHASES = 2  # even bins, odd bins


class CausalDownConv(nn.Module):
    """Convolves over past frames and neighbouring bins; halves the bins.

    Maps [batch, inputs, frame, 2 n] to [batch, outputs, frame, n]. Output frame ``t`` reads input
    frames ``t - k * dilation`` for ``k < time_taps``, all of them present or past.
    """

    def __init__(self, inputs: int, outputs: int, *, time_taps: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(outputs, inputs, time_taps, _DOWN_TAPS))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_uniform_(self.weight, a=0.2)

    @property
    def past_frames(self) -> int:
        """How many earlier frames one output frame reaches back."""
        return (self.weight.shape[2] - 1) * self.dilation

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Convolve the next frames; returns them and the past of the next call.

        No past is silence.
        """
        if past is None:
            # One copy instead of two: this is every training step.
            joined = functional.pad(x, (*_DOWN_PADDING, self.past_frames, 0))
        else:
            joined = torch.cat([past, functional.pad(x, _DOWN_PADDING)], dim=2)
        y = functional.conv2d(
            joined, self.weight, self.bias, stride=(1, 2), dilation=(self.dilation, 1)
        )
        return y, joined[:, :, joined.shape[2] - self.past_frames :]


class UpConv(nn.Module):
    """Doubles the bins of each frame by itself.

    Maps [batch, inputs, frame, n] to [batch, outputs, frame, 2 n]: a transposed convolution of
    stride two, written as a plain one that gives even and odd bins as channels of their own. In
    channels-last memory those lie where the doubled bins belong, so nothing is copied.

    Reference: Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # Outputs are ordered [phase, channel]; taps read the bins n - 1, n, n + 1.
        self.weight = nn.Parameter(torch.empty(_PHASES * outputs, inputs, 1, _UP_TAPS))
        self.bias = nn.Parameter(torch.zeros(_PHASES * outputs))
        nn.init.kaiming_uniform_(self.weight, a=0.2)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, frame, n] to [batch, outputs, frame, 2 n]."""
        return woven(functional.conv2d(x, self.weight, self.bias, padding=(0, _UP_TAPS // 2)))


class CausalBinConv(nn.Module):
    """Convolves a few channels over past frames and neighbouring bins, keeping the bins.

    Maps [batch, inputs, frame, 2 n] to [batch, outputs, frame, 2 n]. Even and odd bins are taken as
    channels of their own: with channels this few it trains ten times faster.
    """

    def __init__(self, inputs: int, outputs: int, *, time_taps: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        shape = (_PHASES * outputs, _PHASES * inputs, time_taps, _BIN_TAPS)
        self.weight = nn.Parameter(torch.empty(shape))  # phases come before channels
        self.bias = nn.Parameter(torch.zeros(_PHASES * outputs))
        nn.init.kaiming_uniform_(self.weight, a=1.0)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Convolve the next frames; returns them and the past of the next call."""
        past_frames = (self.weight.shape[2] - 1) * self.dilation
        phases = _unwoven(x)
        if past is None:
            joined = functional.pad(phases, (0, 0, past_frames, 0))
        else:
            joined = torch.cat([past, phases], dim=2)
        y = functional.conv2d(
            joined, self.weight, self.bias, padding=(0, _BIN_TAPS // 2), dilation=(self.dilation, 1)
        )
        return woven(y), joined[:, :, joined.shape[2] - past_frames :]


def bin_phases(weight: Tensor) -> Tensor:
    """Taps of a transposed convolution of stride two, as those of a plain one.

    [in, out, 5] to [2 out, in, 3], even bins' first: what tap ``k`` of bin ``i`` gives is at bin
    ``2 i + k - 1``.
    """
    taps = weight.transpose(0, 1)
    none = torch.zeros_like(taps[..., 0])
    even = torch.stack([taps[..., 3], taps[..., 1], none], dim=-1)
    odd = torch.stack([taps[..., 4], taps[..., 2], taps[..., 0]], dim=-1)
    return torch.cat([even, odd])


def woven(phases: Tensor) -> Tensor:
    """[batch, 2 * channel, frame, n] to [batch, channel, frame, 2 n]: even bins' channels first."""
    batch, channels, frames, bins = phases.shape
    by_bin = phases.permute(0, 2, 3, 1)
    woven = by_bin.reshape(batch, frames, _PHASES * bins, channels // _PHASES)
    return woven.permute(0, 3, 1, 2)


def _unwoven(x: Tensor) -> Tensor:
    """Undo ``woven``: [batch, channel, frame, 2 n] to [batch, 2 * channel, frame, n]."""
    batch, channels, frames, bins = x.shape
    by_bin = x.permute(0, 2, 3, 1)
    phases = by_bin.reshape(batch, frames, bins // _PHASES, _PHASES * channels)
    return phases.permute(0, 3, 1, 2)
