"""What streams in a batch remember: tensors with the stream first, changed where they lie.

A graph of a GPU reads and writes the same memory at every replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def of_streams(flags: Tensor) -> Tensor:
    """[stream] to [stream, 1, 1, 1], to choose between tensors of four axes."""
    return flags[:, None, None, None]


def keep_where(chosen: Tensor, newer: Tensor, remembered: Tensor) -> None:
    """Replace what is remembered by what is newer, where chosen."""
    remembered.copy_(torch.where(chosen, newer, remembered))


def in_slots(slots: Tensor, remembered: Tensor) -> Tensor:
    """Copy each stream's values in its slot: of [stream, slot, ...], [stream, ...]."""
    return remembered[torch.arange(len(slots), device=slots.device), slots]


def keep_in_slots(chosen: Tensor, newer: Tensor, slots: Tensor, remembered: Tensor) -> None:
    """Replace each stream's values in its slot, where chosen."""
    streams = torch.arange(len(slots), device=slots.device)
    remembered[streams, slots] = torch.where(chosen, newer, in_slots(slots, remembered))
