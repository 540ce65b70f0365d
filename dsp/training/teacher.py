"""The teacher: the open two-net U-Net on the whole of a song, past and future.

It labels songs that have no stems, and hears where a backing that should not sing does. Its
estimate is the ratio mask of both nets, squared, times the mixture's spectrum.

Reference: Hennequin et al., "Spleeter", JOSS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dsp.networks.rocknet_weights import load_rocknet_weights
from dsp.networks.unet import unet_mask
from dsp.networks.unet_shape import BIN_COUNT, GRID
from dsp.networks.unet_weights import UNetWeights
from dsp.stft import WindowPair, analyse, asymmetric_windows, synthesise
from dsp.training.pcm_cache import RATE_HZ

HOP_SAMPLES = 1024
_WINDOW_SAMPLES = 4096
_CHUNK_FRAMES = 16 * GRID
_CONTEXT_FRAMES = 4 * GRID  # the receptive field is below 6 s: 258 frames
_FLOOR = 1e-10

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Teacher:
    """Both nets of the open U-Net."""

    vocals: UNetWeights
    instrumental: UNetWeights

    @classmethod
    def load(cls) -> Teacher:
        """Load the published weights; WeightsMissingError says how to install them."""
        return cls(load_rocknet_weights("vocals"), load_rocknet_weights("instrumental"))

    def vocals_of(self, mixture: FloatArray) -> FloatArray:
        """Estimate the vocals of a whole song, both [channel 2, frame]."""
        frames = mixture.shape[1]
        windows = asymmetric_windows(_WINDOW_SAMPLES, _WINDOW_SAMPLES, HOP_SAMPLES)
        after = windows.delay_samples + -frames % HOP_SAMPLES
        spectra = analyse(np.pad(mixture, ((0, 0), (0, after))), windows)
        return self._masked(spectra, windows)[:, :frames]

    def _masked(self, spectra: ComplexArray, windows: WindowPair) -> FloatArray:
        mask = np.concatenate(list(self._masks(np.abs(spectra[..., :BIN_COUNT]))), axis=1)
        low = spectra[..., :BIN_COUNT] * mask
        # Above 11 kHz the nets say nothing: what holds at their upper edge is held to go on.
        edge = mask[..., -BIN_COUNT // 8 :].mean(axis=-1, keepdims=True)
        high = spectra[..., BIN_COUNT:] * edge
        return synthesise(np.concatenate([low, high], axis=-1)[None], windows)[0]

    def _masks(self, magnitudes: FloatArray) -> list[FloatArray]:
        """[channel, frame, bin] to ratio masks of the same shape, a few at a time."""
        frames = magnitudes.shape[1]
        return [
            self._chunk_mask(magnitudes, range(first, min(first + _CHUNK_FRAMES, frames)))
            for first in range(0, frames, _CHUNK_FRAMES)
        ]

    def _chunk_mask(self, magnitudes: FloatArray, wanted: range) -> FloatArray:
        """Find the mask of some frames from those frames and enough on either side."""
        start = max(wanted.start - _CONTEXT_FRAMES, 0)
        window = torch.from_numpy(magnitudes[None, :, start : wanted.stop + _CONTEXT_FRAMES])
        keep = range(wanted.start - start, wanted.stop - start)
        vocals, instrumental = (
            unet_mask(net, window, keep).square() for net in (self.vocals, self.instrumental)
        )
        return (vocals / (vocals + instrumental + _FLOOR))[0].numpy()


def vocal_share_db(mixture: FloatArray, vocals: FloatArray, seconds: float = 3.0) -> FloatArray:
    """Measure vocals against mixture in windows of some seconds, in dB.

    Both [channel, frame]; windows that are silent in the mixture are left out.
    """
    window = round(seconds * RATE_HZ)
    count = max(mixture.shape[1] // window, 1)
    energies = [
        np.square(x[:, : count * window]).reshape(x.shape[0], count, -1).mean(axis=(0, 2))
        for x in (vocals, mixture)
    ]
    heard = energies[1] > 1e-8  # -80 dBFS
    return 10.0 * np.log10((energies[0][heard] + 1e-10) / energies[1][heard])
