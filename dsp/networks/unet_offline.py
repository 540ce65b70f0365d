"""The U-Net's `offline` profile: each mask with its whole future, of one net or of two.

Where the live profile must guess what comes next, this one waits for it: eleven seconds behind, the
masks are those of one run over the whole song, whatever its length.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np

from dsp.errors import SignalError
from dsp.networks.bandwidth import widen_mask
from dsp.networks.unet_shape import BIN_COUNT, GRID, LOOK_AHEAD_FRAMES
from dsp.separator import FloatArray, Lane, Profile
from dsp.stft import StreamingAnalysis, StreamingSynthesis, asymmetric_windows

if TYPE_CHECKING:
    from dsp.networks.unet_weights import UNetWeights
    from dsp.stft import ComplexArray

RATE_HZ = 44_100
FRAME_HOP_SAMPLES = 1024
HOP_FRAMES = 4 * GRID
"""So many masks are made at once: in two thirds of the time of a grid at a time."""

WINDOWS = asymmetric_windows(4096, 4096, FRAME_HOP_SAMPLES)

PROFILE = Profile(
    name="offline",
    hop_samples=HOP_FRAMES * FRAME_HOP_SAMPLES,
    synthesis_overlap_samples=WINDOWS.delay_samples,
    look_ahead_samples=LOOK_AHEAD_FRAMES * FRAME_HOP_SAMPLES,
    mask_lag_hops=0,
    lane=Lane.BACKGROUND,
)

_CHANNELS = 2
_EPSILON = 1e-10  # what both masks count as where neither hears anything


class OfflineUNet:
    """The vocals of one stream; implements ``dsp.separator.Separator``.

    With an ``instrumental`` net the mask is the share of the vocals' estimate in the energy of both
    estimates. The nets run side by side on ``executor``, which many streams may share.
    """

    rate_hz = RATE_HZ
    stems: tuple[str, ...] = ("vocals",)
    profile = PROFILE

    def __init__(
        self, executor: Executor, vocals: UNetWeights, instrumental: UNetWeights | None = None
    ) -> None:
        # The profile is known without torch, which takes seconds to import.
        from dsp.networks.unet_look_ahead import LookAheadUNet  # noqa: PLC0415

        weights = (vocals,) if instrumental is None else (vocals, instrumental)
        self._nets = [LookAheadUNet(one, BIN_COUNT) for one in weights]
        self._executor = executor
        self._analysis = StreamingAnalysis(WINDOWS, _CHANNELS)
        self._synthesis = StreamingSynthesis(WINDOWS, len(self.stems), _CHANNELS)
        self._waiting = _no_spectra()

    def push(self, frames: FloatArray) -> FloatArray:
        """[channel, n * hop] to [stem, channel, n * hop]; raises SignalError for another shape."""
        hop = self.profile.hop_samples
        if frames.ndim != 2 or frames.shape[0] != _CHANNELS or frames.shape[1] % hop:
            raise SignalError(f"frames {frames.shape}: [{_CHANNELS}, n * {hop}] expected")
        stems = np.empty((len(self.stems), *frames.shape), np.float32)
        for start in range(0, frames.shape[1], hop):
            stems[..., start : start + hop] = self._separate(frames[:, start : start + hop])
        return stems

    def reset(self, position_samples: int = 0) -> None:
        """Forget everything; raises SignalError for a position off the grid of hops."""
        if position_samples % self.profile.hop_samples:
            raise SignalError(
                f"position {position_samples}: a multiple of {self.profile.hop_samples} expected"
            )
        for net in self._nets:
            net.reset()
        self._analysis.reset()
        self._synthesis.reset()
        self._waiting = _no_spectra()

    def rebuild(self, history: FloatArray, position_samples: int) -> None:
        """Push the history and drop what comes out: all of it is needed, for masks trail by 4 s."""
        self.reset(position_samples)
        self.push(history)

    def _separate(self, hop: FloatArray) -> FloatArray:
        """[channel, hop] to [stem, channel, hop]."""
        fresh = self._analysis.push(hop)
        spectra = np.concatenate([self._waiting, fresh], axis=1)
        self._waiting = spectra[:, HOP_FRAMES:]
        masks = widen_mask(self._masks(np.abs(fresh[..., :BIN_COUNT])), WINDOWS.bins)
        return self._synthesis.push((masks * spectra[:, :HOP_FRAMES])[None])

    def _masks(self, magnitudes: FloatArray) -> FloatArray:
        """Find the vocals' share, of the magnitudes' shape, behind them by the look-ahead."""
        import torch  # noqa: PLC0415

        tensor = torch.from_numpy(magnitudes)
        vocals, *others = self._executor.map(lambda net: net.push(tensor).numpy(), self._nets)
        return energy_share(vocals, *others) if others else vocals


def energy_share(vocals: FloatArray, instrumental: FloatArray) -> FloatArray:
    """Ratio mask of two amplitude masks of one mixture; one half where both are zero."""
    voiced = vocals**2
    share: FloatArray = (voiced + _EPSILON / 2) / (voiced + instrumental**2 + _EPSILON)
    return share


def _no_spectra() -> ComplexArray:
    return np.zeros((_CHANNELS, LOOK_AHEAD_FRAMES, WINDOWS.bins), np.complex64)
