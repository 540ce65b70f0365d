"""Learning rate over a run, and the mean of the weights along it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dsp.training.config import OptimiserConfig


def learning_rate(step: int, config: OptimiserConfig) -> float:
    """Linear warm-up, then a cosine down to the final rate at ``config.steps``.

    Reference: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """
    if step < config.warm_up_steps:
        return config.peak_rate * (step + 1) / config.warm_up_steps
    span = max(config.steps - config.warm_up_steps, 1)
    progress = min((step - config.warm_up_steps) / span, 1.0)
    share = 0.5 * (1.0 + math.cos(math.pi * progress))
    return config.final_rate + (config.peak_rate - config.final_rate) * share


class MeanWeights:
    """Exponential mean of a network's weights, from its first steps on.

    Early on the mean is short, so that the starting point is soon forgotten: Polyak averaging with
    the warm-up of TensorFlow's ExponentialMovingAverage, min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.values = {name: p.detach().clone() for name, p in network.named_parameters()}

    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the weights after a step."""
        share = 1.0 - min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                self.values[name].lerp_(parameter, share)

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        for name, value in values.items():
            self.values[name].copy_(value)
