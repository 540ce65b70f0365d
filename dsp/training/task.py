"""What is trained: a network, how it hears a mixture, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dsp.networks.phoenix import channels_last, extended, live_trunk, live_windows, separate_whole
from dsp.networks.phoenix_trunk import BINS, STEP_SAMPLES, PhoenixTrunk, TrunkConfig
from dsp.training.losses import FrameBank, relative_error_db

FloatArray = npt.NDArray[np.float32]


class Task(Protocol):
    """A network and its loss; the loop knows nothing else of it."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def losses_db(self, vocals: Tensor, mixtures: Tensor) -> Tensor:
        """[batch, channel, frame] twice to a loss per item."""
        ...

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Mixture to vocals, whole songs, as a live stream with these weights would play them."""
        ...


class PhoenixTask:
    """Phoenix's trunk, on frames one step apart: every second one of those a stream has."""

    def __init__(self, config: TrunkConfig) -> None:
        self._trunk = channels_last(PhoenixTrunk(config))
        self._bank = FrameBank(live_windows(), STEP_SAMPLES)

    @property
    def network(self) -> PhoenixTrunk:
        """The trunk."""
        return self._trunk

    def losses_db(self, vocals: Tensor, mixtures: Tensor) -> Tensor:
        """Error of the samples played, against the mixture's."""
        with torch.no_grad():
            spectra = self._bank.spectra(mixtures)
            magnitudes = spectra[..., :BINS].abs().contiguous(memory_format=torch.channels_last)
        logits = self.network(magnitudes, self.network.initial_state(mixtures.shape[0]))
        estimates = extended(torch.sigmoid(logits), spectra.shape[-1]) * spectra
        return relative_error_db(
            self._bank.newest(estimates),
            self._bank.newest_of(vocals),
            self._bank.newest_of(mixtures),
        )

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Load the weights into a streaming trunk."""
        trunk = channels_last(live_trunk(self.network.config)).eval()
        trunk.load_state_dict(dict(weights))
        return lambda mixture: separate_whole(trunk, mixture)
