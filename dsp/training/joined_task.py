"""The joined network's task: a few moments of each example, heard as a live stream hears them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.joined_step import GRID, JoinedStep
from dsp.networks.live_network import LiveNetwork, filtering_windows, hearing_windows
from dsp.networks.live_unet import Moments
from dsp.networks.packing import pack_joined
from dsp.networks.phoenix_network import channels_last
from dsp.networks.phoenix_shape import HOPS_PER_STEP, STEP_SAMPLES
from dsp.separator import FloatArray
from dsp.training.config import JoinedConfig
from dsp.training.losses import Device, FrameBank, relative_error_db
from dsp.training.task import Losses, magnitudes_of
from dsp.training.validation import played_live

_HOP_SAMPLES = STEP_SAMPLES // HOPS_PER_STEP


class JoinedTask:
    """Masks at sparse moments, and every age, in hops, of what the deep levels said."""

    def __init__(
        self, network: JoinedNetwork, config: JoinedConfig, device: Device = "cpu"
    ) -> None:
        self._network = channels_last(network.to(device))
        self._config = config
        self._hearing = FrameBank(hearing_windows(), STEP_SAMPLES, device)
        self._filtering = FrameBank(filtering_windows(), STEP_SAMPLES, device)

    @property
    def network(self) -> JoinedNetwork:
        """Both trunks and both heads."""
        return self._network

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Let the U-Net, which knows more music than is here, learn at a share of the rate."""
        unet = [p for name, p in self._network.unet.named_parameters() if not _unread(name)]
        learnt_here = (self._network.trunk, self._network.head, self._network.light_head)
        others = [p for module in learnt_here for p in module.parameters()]
        share = self._config.unet_share
        return [{"params": others, "share": 1.0}, {"params": unet, "share": share}]

    def losses(self, vocals: Tensor, mixtures: Tensor, step: int) -> Losses:
        """Measure the error of the samples played; ``step`` says at which moments."""
        rng = np.random.default_rng([step])
        moments, hops_later = self._moments(rng)
        ticks_from = int(rng.integers(max(self._network.config.trunk.ticks)))
        later = _HOP_SAMPLES * hops_later
        length = mixtures.shape[-1] - STEP_SAMPLES
        with torch.no_grad():
            past, now = mixtures[..., :length], mixtures[..., later : later + length]
            heard = [magnitudes_of(self._hearing.spectra(x)) for x in (past, now)]
            spectra = self._filtering.spectra(now)
        estimates, light = self._network((heard[0], heard[1]), spectra, moments, ticks_from)
        voice = vocals[..., later : later + length]
        chosen = torch.tensor(moments.masks(length // STEP_SAMPLES))
        samples_db = self._error_db(estimates, voice, now, chosen)
        light_db = self._error_db(light, voice, now, None).mean()
        total = samples_db.mean() + self._config.light_share * light_db
        return Losses(samples_db, light_db, total)

    def _error_db(
        self, estimates: Tensor, voice: Tensor, mixture: Tensor, at: Tensor | None
    ) -> Tensor:
        """Compare estimates [batch, channel, frame, bin] of some frames, or all: [batch]."""
        bank = self._filtering
        return relative_error_db(
            bank.newest(estimates), bank.newest_of(voice, at), bank.newest_of(mixture, at)
        )

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Load the weights into a streaming network."""
        current = self._network
        network = JoinedNetwork(current.unet.weights, current.config, HOPS_PER_STEP)
        network.load_state_dict(dict(weights))
        packed = pack_joined(network.requires_grad_(requires_grad=False))
        return played_live(LiveNetwork(JoinedStep(packed)))

    def _moments(self, rng: np.random.Generator) -> tuple[Moments, int]:
        """Draw the moments, and by how many hops more than whole frames the masks are later."""
        first = int(rng.integers(self._config.frames_apart))
        age_hops = int(rng.integers(GRID.deep_period)) + GRID.deep_hops - 1
        age_frames, hops_later = divmod(age_hops, HOPS_PER_STEP)
        return Moments(first, self._config.frames_apart, age_frames), hops_later


def _unread(name: str) -> bool:
    """Whether a parameter has no part in the masks: nothing reads the deepest activation."""
    return name.startswith("encoder.5.s")
