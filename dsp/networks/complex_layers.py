"""Complex-valued layers as real ones: a complex channel is two neighbouring real channels.

A complex product is one real product whose weight has the blocks [[a, -b], [b, a]]. So a real
convolution becomes complex by a constraint on its weight, and whatever lays out, packs or streams
real convolutions does the same with complex ones. The constraint is a parametrization: what is
trained and stored are the real and imaginary parts.

References: Trabelsi et al., "Deep complex networks", ICLR 2018, section 3.2 (the blocks); Guberman,
"On complex valued convolutional neural networks", 2016 (rectifying by one part).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

PARTS = 2  # real, imaginary


class ComplexWeight(nn.Module):
    """Parametrization of a real weight [2 out, 2 in, ...] by its parts [out, part 2, in, ...]."""

    def forward(self, parts: Tensor) -> Tensor:
        """Spread the parts over the blocks of a real weight."""
        real, imaginary = parts.unbind(1)
        to_real = torch.stack([real, -imaginary], dim=2)
        to_imaginary = torch.stack([imaginary, real], dim=2)
        blocks = torch.stack([to_real, to_imaginary], dim=1)  # [out, part, in, part, ...]
        return blocks.flatten(2, 3).flatten(0, 1)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Find the parts of the complex weight nearest to a real one."""
        outputs, inputs = (size // PARTS for size in weight.shape[:2])
        blocks = weight.reshape(outputs, PARTS, inputs, PARTS, *weight.shape[2:])
        real = 0.5 * (blocks[:, 0, :, 0] + blocks[:, 1, :, 1])
        imaginary = 0.5 * (blocks[:, 1, :, 0] - blocks[:, 0, :, 1])
        return torch.stack([real, imaginary], dim=1)


def make_complex(convolution: nn.Module) -> None:
    """Constrain the convolution's weight; it keeps what of it is complex."""
    parametrize.register_parametrization(convolution, "weight", ComplexWeight())


def parts_of(convolution: nn.Module) -> Tensor:
    """Return what is trained of a complex convolution's weight: [out, part 2, in, ...]."""
    parts: Tensor = convolution.parametrizations["weight"].original  # type: ignore[index, union-attr]
    return parts


def gated(x: Tensor, leak: float) -> Tensor:
    """Rectify by the real part alone: where it is negative, the whole number times ``leak``.

    [batch, 2 channel, ...] to the same. The phase passes through; numbers without an imaginary part
    are rectified like real ones.
    """
    pairs = x.view(x.shape[0], -1, PARTS, *x.shape[2:])
    gate = torch.where(pairs[:, :, :1] > 0.0, 1.0, leak).to(x.dtype)
    return (pairs * gate).flatten(1, 2)
