"""What is trained: a network, how it hears a mixture, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dsp.networks.live_network import LIVE, LiveNetwork, filtering_windows, hearing_windows
from dsp.networks.packing import pack_phoenix
from dsp.networks.phoenix_network import PhoenixNetwork, channels_last
from dsp.networks.phoenix_packed import PackedPhoenix
from dsp.networks.phoenix_shape import BINS, STEP_SAMPLES, PhoenixConfig
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.phoenix_trunk import PhoenixTrunk
from dsp.networks.unet_weights import UNetWeights
from dsp.stft import asymmetric_windows
from dsp.training.features import final_columns, grid_shift, mismatch_db, pairs
from dsp.training.losses import Device, FrameBank, relative_error_db
from dsp.training.validation import played_live

_TEACHER_WINDOW_SAMPLES = 4096

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Losses:
    """What one batch costs."""

    samples_db: Tensor  # error of the samples played, per item: [batch]
    beside_db: Tensor  # what else counts, a scalar: the hints' mismatch, or the light head's error
    total: Tensor  # what is minimised, a scalar


class Task(Protocol):
    """A network and its loss; the loop knows nothing else of it."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Give what is trained: ``params``, and their ``share`` of the learning rate."""
        ...

    def losses(self, vocals: Tensor, mixtures: Tensor, step: int) -> Losses:
        """Measure the network on [batch, channel, frame], twice; draws depend on ``step`` alone."""
        ...

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Mixture to vocals, whole songs, as a live stream with these weights would play them."""
        ...


@dataclass(frozen=True)
class Hints:
    """The open U-Net whose inner columns the trunk learns to foresee, and how much they count."""

    weights: UNetWeights
    share: float


class PhoenixTask:
    """Phoenix, on frames one step apart: every second one of those a stream has."""

    def __init__(
        self, config: PhoenixConfig, hints: Hints | None = None, device: Device = "cpu"
    ) -> None:
        self._network = channels_last(self._make(config).to(device))
        self._hearing = FrameBank(hearing_windows(), STEP_SAMPLES, device)
        self._filtering = FrameBank(filtering_windows(), STEP_SAMPLES, device)
        symmetric = asymmetric_windows(
            _TEACHER_WINDOW_SAMPLES, _TEACHER_WINDOW_SAMPLES, STEP_SAMPLES
        )
        self._teacher_bank = FrameBank(symmetric, STEP_SAMPLES, device)
        self._hints = hints

    @property
    def network(self) -> PhoenixNetwork:
        """Trunk and head."""
        return self._network

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All of it learns alike."""
        return [{"params": list(self._network.parameters()), "share": 1.0}]

    def losses(self, vocals: Tensor, mixtures: Tensor, step: int = 0) -> Losses:  # noqa: ARG002
        """Measure the error of the samples played, and how well each level foresees the teacher."""
        with torch.no_grad():
            heard = self._heard(self._hearing.spectra(mixtures))
            spectra = self._filtering.spectra(mixtures)
        with _recorded_skips(self._network.trunk) as skips:
            estimates = self._network(heard, spectra, self._network.initial_state(len(mixtures)))
        samples_db = self._error_db(
            self._filtering.newest(estimates),
            self._filtering.newest_of(vocals),
            self._filtering.newest_of(mixtures),
        )
        hints_db, share = self._hinted(skips, mixtures)
        return Losses(samples_db, hints_db, samples_db.mean() + share * hints_db)

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Load the weights into a streaming network."""
        network = self._make(self._network.config, STEP_SAMPLES // LIVE.hop_samples)
        network.load_state_dict(dict(weights))  # which may lie on another device
        packed = pack_phoenix(network.requires_grad_(requires_grad=False))
        return played_live(LiveNetwork(self._step(packed)))

    def _make(self, config: PhoenixConfig, frames_per_step: int = 1) -> PhoenixNetwork:
        return PhoenixNetwork(config, frames_per_step)

    def _step(self, packed: PackedPhoenix) -> PhoenixStep:
        return PhoenixStep(packed)

    def _heard(self, spectra: Tensor) -> Tensor:
        """Keep of [batch, channel, frame, bin] what the trunk hears."""
        return magnitudes_of(spectra)

    def _error_db(self, estimates: Tensor, vocals: Tensor, mixtures: Tensor) -> Tensor:
        """Compare what is played of some frames, [batch, ...] each: [batch]."""
        return relative_error_db(estimates, vocals, mixtures)

    def _hinted(self, skips: list[Tensor], mixtures: Tensor) -> tuple[Tensor, float]:
        """Compare the skips with the teacher's columns; returns the mismatch and its share."""
        if self._hints is None:
            return mixtures.new_zeros(()), 0.0
        config = self._network.trunk.config
        with torch.no_grad():
            heard = magnitudes_of(self._teacher_bank.spectra(mixtures))
            # The teacher stays on the CPU, wherever its pupil is.
            columns = final_columns(self._hints.weights, heard.cpu(), grid_shift(config))
        matched = pairs(skips, [c.to(heard.device) for c in columns], config, heard.shape[2])
        return mismatch_db(matched), self._hints.share


def magnitudes_of(spectra: Tensor) -> Tensor:
    """[batch, channel, frame, bin] complex to the 1024 lowest bins' magnitudes, channels-last."""
    return spectra[..., :BINS].abs().contiguous(memory_format=torch.channels_last)


@contextmanager
def _recorded_skips(trunk: PhoenixTrunk) -> Iterator[list[Tensor]]:
    """Yield a list that fills with each level's skip, shallowest first, as the trunk runs."""
    skips: list[Tensor] = []

    def record(_module: nn.Module, _inputs: Any, outputs: tuple[Tensor, Tensor]) -> None:
        skips.append(outputs[0])

    handles = [level.down.register_forward_hook(record) for level in trunk.stack]
    try:
        yield skips
    finally:
        for handle in handles:
            handle.remove()
