"""A network's trunk and U-Net compiled by torch, for GPUs: most of its work, and no complex number.

Heads compute with complex spectra, which torch's compiler cannot look at as pairs of floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from dsp.networks.live_unet import LiveUNet
from dsp.networks.phoenix_trunk import PhoenixTrunk

Backend = str | Callable[..., Any]


def compile_parts(network: nn.Module, backend: Backend = "inductor") -> None:
    """Compile them when they first run; names and values of all parameters stay as they are."""
    for part in network.children():
        if isinstance(part, PhoenixTrunk):
            decide = torch.compile(part.answer_and_logits, backend=backend)
            part.answer_and_logits = decide  # type: ignore[method-assign]
        elif isinstance(part, LiveUNet):
            part.compile(backend=backend)
