"""Weights as they lie in a file: half precision, and the largest tensors in eight bits.

Half precision costs nothing that can be measured. Eight bits, with a scale for each output channel,
put the error of a weight some 45 dB below the channel's largest; only tensors that would make the
file too large are stored so.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

LARGE = 2_000_000
"""Tensors with more values than this are stored in eight bits."""

_SCALE = ".scale_of_8_bits"
_LEVELS = 127


def to_stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrange tensors for a file; ``from_stored`` gives them back, nearly."""
    stored = {}
    for name, values in tensors.items():
        if values.numel() > LARGE:
            stored[name], stored[name + _SCALE] = _eight_bits(values)
        else:
            stored[name] = values.to(torch.float16).contiguous()
    return stored


def from_stored(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return single-precision tensors; KeyError where the scale of one is missing."""
    names = (name for name in stored if not name.endswith(_SCALE))
    return {name: _single(stored, name) for name in names}


def _eight_bits(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 of the same shape, and a float32 scale for each index of the first axis."""
    rows = values.float().flatten(1)
    scales = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / _LEVELS
    levels = torch.round(rows / scales[:, None]).to(torch.int8)
    return levels.reshape(values.shape).contiguous(), scales


def _single(stored: Mapping[str, Tensor], name: str) -> Tensor:
    values = stored[name].float()
    if stored[name].dtype is not torch.int8:
        return values
    scales = stored[name + _SCALE]
    return values * scales.reshape(-1, *[1] * (values.ndim - 1))
