"""One idea of Phoenix's trunk and head changed at a time: what each is worth.

All begin from random weights, so that none has an advantage by what it resembles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import parametrize

from dsp.networks.cassiopeia_trunk import CONFIG as CASSIOPEIA
from dsp.networks.cassiopeia_trunk import CassiopeiaTrunk
from dsp.networks.phoenix_head import PhoenixHead
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import BINS, STEP_SAMPLES, PhoenixConfig, TrunkConfig
from dsp.networks.phoenix_trunk import LEAK, PhoenixTrunk
from dsp.separator import FloatArray
from dsp.training.losses import relative_error_db, usdr_db
from dsp.training.task import PhoenixTask

Error = Callable[[Tensor, Tensor, Tensor], Tensor]
_DENSE = (1, 1, 1, 1, 1, 1)
_RELATIONS = TrunkConfig(inputs=CASSIOPEIA.trunk.inputs)


class SmoothTrunk(PhoenixTrunk):
    """SiLU instead of the rectifiers (Elfwing et al., 2018)."""

    def _passed_down(self, skip: Tensor) -> Tensor:
        return functional.silu(skip)

    def _passed_up(self, raw: Tensor) -> Tensor:
        return functional.silu(raw)


class NormalisedTrunk(PhoenixTrunk):
    """Each bin of each frame normalised over its channels on the way down (Ba et al., 2016)."""

    def _passed_down(self, skip: Tensor) -> Tensor:
        by_bin = skip.permute(0, 2, 3, 1)
        normalised = functional.layer_norm(by_bin, by_bin.shape[-1:])
        return super()._passed_down(normalised.permute(0, 3, 1, 2))


class RelationsTrunk(CassiopeiaTrunk):
    """Real, with what Cassiopeia hears."""

    def __init__(self, config: TrunkConfig, frames_per_step: int = 1) -> None:
        super().__init__(config, frames_per_step)
        for level in self.stack:
            for convolution in (level.down, level.up):
                parametrize.remove_parametrizations(convolution, "weight")

    def _passed_down(self, skip: Tensor) -> Tensor:
        return functional.leaky_relu(skip, LEAK)

    def _passed_up(self, raw: Tensor) -> Tensor:
        return functional.relu(raw)


class RealHead(PhoenixHead):
    """Amplitudes only: what is added to the mask is real, channel by channel."""

    def forward(self, answer: Tensor, mask: Tensor, spectra: Tensor) -> Tensor:
        """Filter ``spectra`` [batch, channel 2, frame, bin] with the matrices' real diagonal."""
        matrices = self.matrices(answer, mask, spectra).real
        return matrices.diagonal(dim1=1, dim2=2).movedim(-1, 1) * spectra


class Ablation(PhoenixTask):
    """Phoenix's task with one thing changed."""

    def __init__(
        self,
        trunk_config: TrunkConfig | None = None,
        *,
        trunk: type[PhoenixTrunk] = PhoenixTrunk,
        head: type[PhoenixHead] = PhoenixHead,
        error: Error = relative_error_db,
        late_frames: int = 0,
    ) -> None:
        self._kinds = trunk, head
        self._error = error
        self._late_frames = late_frames
        super().__init__(PhoenixConfig(trunk_config or TrunkConfig()))

    def played_usdr_db(self, vocals: FloatArray, mixture: FloatArray) -> float:
        """Score what every second hop of a stream would play of a song [channel 2, sample]."""
        samples = mixture.shape[1] // STEP_SAMPLES * STEP_SAMPLES
        sound, voice = (torch.from_numpy(x[None, :, :samples]) for x in (mixture, vocals))
        with torch.inference_mode():
            heard = self._heard(self._hearing.spectra(sound))
            spectra = self._filtering.spectra(sound)
            estimates = self.network(heard, spectra, self.network.initial_state())
            played = self._filtering.newest(estimates).numpy()
        return usdr_db(self._filtering.newest_of(voice).numpy(), played)

    def _make(self, config: PhoenixConfig, frames_per_step: int = 1) -> PhoenixNetwork:
        trunk, head = self._kinds
        network = PhoenixNetwork(config, frames_per_step, trunk)
        network.head = head(config.trunk.answer_width, config.head_width)
        return network

    def _heard(self, spectra: Tensor) -> Tensor:
        complex_heard = issubclass(self._kinds[0], CassiopeiaTrunk)
        heard = spectra[..., :BINS] if complex_heard else super()._heard(spectra)
        late = functional.pad(heard, (0, 0, self._late_frames, 0))
        return late[:, :, : heard.shape[2]]

    def _error_db(self, estimates: Tensor, vocals: Tensor, mixtures: Tensor) -> Tensor:
        return self._error(estimates, vocals, mixtures)


def absolute_error(estimates: Tensor, vocals: Tensor, mixtures: Tensor) -> Tensor:
    """L1 on samples, relative to the mixture's: [batch, ...] to [batch]."""
    error = (estimates - vocals).abs().flatten(1).sum(dim=1)
    return error / (mixtures.abs().flatten(1).sum(dim=1) + 1e-3)


def squared_error(estimates: Tensor, vocals: Tensor, mixtures: Tensor) -> Tensor:
    """Squared error on samples, relative to the mixture's: [batch, ...] to [batch]."""
    error = (estimates - vocals).square().flatten(1).sum(dim=1)
    return error / (mixtures.square().flatten(1).sum(dim=1) + 1e-6)


VARIANTS: Mapping[str, Callable[[], Ablation]] = {
    "as configured": Ablation,
    "context: 1.3 s": lambda: Ablation(TrunkConfig(longest_dilation=4)),
    "context: 8.1 s": lambda: Ablation(TrunkConfig(time_taps=(3, 3, 3, 3, 5, 9))),
    "trunk: every level at every step": lambda: Ablation(TrunkConfig(ticks=_DENSE)),
    "trunk: deep levels half as often": lambda: Ablation(TrunkConfig(ticks=(1, 1, 8, 8, 16, 16))),
    "mask: one step late": lambda: Ablation(late_frames=1),
    "activation: SiLU": lambda: Ablation(trunk=SmoothTrunk),
    "normalisation: over channels": lambda: Ablation(trunk=NormalisedTrunk),
    "head: amplitudes only": lambda: Ablation(head=RealHead),
    "hears phases too, real": lambda: Ablation(_RELATIONS, trunk=RelationsTrunk),
    "hears phases too, complex, equal cost": lambda: Ablation(_RELATIONS, trunk=CassiopeiaTrunk),
    "loss: L1": lambda: Ablation(error=absolute_error),
    "loss: squared": lambda: Ablation(error=squared_error),
}
