"""Several processes training one network: each takes its share of every batch.

Started by ``torchrun``, or as one process with nothing to share. The batch is the same however many
share it, so is the example each item is made from, and so, but for rounding, are the weights.

Reference: PyTorch, "Distributed data parallel", https://docs.pytorch.org/docs/stable/notes/ddp.html.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from dsp.training.errors import TrainingConfigError


@dataclass(frozen=True, slots=True)
class Cluster:
    """The place of one process among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that validates, writes and saves."""
        return self.rank == 0

    def share(self, batch: int) -> range:
        """Return which items of a batch this process makes; raises where they cannot be shared."""
        if batch % self.size:
            raise TrainingConfigError(
                f"optimiser.batch: {batch} cannot be shared by {self.size} processes; "
                "use a multiple"
            )
        return range(self.rank, batch, self.size)

    def average_gradients(self, network: nn.Module) -> None:
        """Replace every gradient by its mean over the processes; one exchange for all of them."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        joined = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(joined)
        joined /= self.size
        means = torch.split(joined, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def any(self, mine: bool) -> bool:  # noqa: FBT001 - the value to share, not a switch
        """Whether it holds in any process; all of them get the same answer."""
        if self.size == 1:
            return mine
        flag = torch.tensor(float(mine))
        distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
        return bool(flag)


@contextmanager
def joined_cluster() -> Iterator[Cluster]:
    """Join the processes that ``torchrun`` started, if it did, and leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Cluster()
        return
    distributed.init_process_group("gloo")
    try:
        yield Cluster(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
