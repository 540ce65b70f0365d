"""A starting point for Cassiopeia: Phoenix's real trunk and light head as complex numbers.

Real weights are complex ones without an imaginary part, and Phoenix's trunk with all of its levels
at every frame is Cassiopeia's, but for shorter dilations. A little noise gives the imaginary parts
somewhere to begin: at exactly zero nothing would ever pull at them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dsp.networks.complex_layers import PARTS, parts_of
from dsp.networks.phoenix_network import PhoenixNetwork

_NOISE = 0.1  # of the real parts' deviation
_LIGHT_HEAD = "light_head."


def complexify(phoenix: PhoenixNetwork, network: PhoenixNetwork) -> None:
    """Write Phoenix's weights and noise into Cassiopeia, in place.

    Raises RuntimeError (torch) where the widths differ.
    """
    with torch.no_grad():
        for real, level in zip(phoenix.trunk.stack, network.trunk.stack, strict=True):
            for known, target in ((real.down, level.down), (real.up, level.up)):
                _widen(known.weight, parts_of(target))
                _fill_even(known.bias, target.bias)
        mask, real_mask = network.trunk.mask, phoenix.trunk.mask
        mask.weight.zero_()
        mask.weight[:, ::PARTS] = real_mask.weight
        mask.bias.copy_(real_mask.bias)
        _copy_head(phoenix.head, network.head)


def phoenix_part(joined: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Pick trunk and light head out of the joined network's tensors, named as Phoenix alone."""
    trunk = {name: values for name, values in joined.items() if name.startswith("trunk.")}
    light = {name: values for name, values in joined.items() if name.startswith(_LIGHT_HEAD)}
    return trunk | {name.replace(_LIGHT_HEAD, "head."): values for name, values in light.items()}


def _widen(weight: Tensor, parts: Tensor) -> None:
    """Real [out, in, ...] into parts [out, 2, in or more, ...]; noise where there is nothing."""
    parts.normal_(std=_NOISE * float(weight.std()))
    parts[:, 0, : weight.shape[1]] = weight


def _fill_even(bias: Tensor, target: Tensor) -> None:
    target.zero_()
    target[::PARTS] = bias


def _copy_head(source: nn.Module, target: nn.Module) -> None:
    """Copy every layer; the first one reads the answer's real parts, then what it read before."""
    tensors = source.state_dict()
    near = tensors["near.weight"]
    # Of the answer alone there are twice as many channels as before.
    answer = target.state_dict()["near.weight"].shape[1] - near.shape[1]
    widened = near.new_zeros(near.shape[0], PARTS * answer, *near.shape[2:])
    widened[:, ::PARTS] = near[:, :answer]
    tensors["near.weight"] = torch.cat([widened, near[:, answer:]], dim=1)
    target.load_state_dict(tensors)
