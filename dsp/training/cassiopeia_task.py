"""Cassiopeia's task: Phoenix's, with complex spectra heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from dsp.networks.cassiopeia_step import CassiopeiaStep
from dsp.networks.cassiopeia_trunk import CONFIG, make_network
from dsp.networks.phoenix import LIVE, PhoenixLive
from dsp.networks.phoenix_network import PhoenixConfig, PhoenixNetwork
from dsp.networks.phoenix_packed import pack
from dsp.networks.phoenix_trunk import BINS, STEP_SAMPLES
from dsp.separator import FloatArray
from dsp.training.losses import Device
from dsp.training.task import PhoenixTask
from dsp.training.validation import played_live


class CassiopeiaTask(PhoenixTask):
    """Cassiopeia, on frames one step apart: every second one of those a stream has."""

    def __init__(self, config: PhoenixConfig = CONFIG, device: Device = "cpu") -> None:
        super().__init__(config, device=device)

    def separator(self, weights: Mapping[str, Tensor]) -> Callable[[FloatArray], FloatArray]:
        """Load the weights into a streaming network."""
        network = make_network(self.network.config, STEP_SAMPLES // LIVE.hop_samples)
        network.load_state_dict(dict(weights))
        packed = pack(network.requires_grad_(requires_grad=False))
        return played_live(PhoenixLive(CassiopeiaStep(packed)))

    def _make(self, config: PhoenixConfig) -> PhoenixNetwork:
        return make_network(config)

    def _heard(self, spectra: Tensor) -> Tensor:
        return spectra[..., :BINS]
