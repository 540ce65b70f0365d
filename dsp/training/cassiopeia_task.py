"""Cassiopeia's task: Phoenix's, with complex spectra heard."""

from __future__ import annotations

from torch import Tensor

from dsp.networks.cassiopeia_trunk import CONFIG, make_network
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_packed import PackedPhoenix
from dsp.networks.phoenix_shape import BINS, PhoenixConfig
from dsp.networks.phoenix_step import PhoenixStep
from dsp.training.losses import Device
from dsp.training.task import PhoenixTask


class CassiopeiaTask(PhoenixTask):
    """Cassiopeia, on frames one step apart: every second one of those a stream has."""

    def __init__(self, config: PhoenixConfig = CONFIG, device: Device = "cpu") -> None:
        super().__init__(config, device=device)

    def _make(self, config: PhoenixConfig, frames_per_step: int = 1) -> PhoenixNetwork:
        return make_network(config, frames_per_step)

    def _step(self, packed: PackedPhoenix) -> PhoenixStep:
        return PhoenixStep(packed, is_complex=True)

    def _heard(self, spectra: Tensor) -> Tensor:
        return spectra[..., :BINS]
