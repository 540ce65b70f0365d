"""What is trained on: the error of the very samples that a live stream would play.

A frame of the asymmetric pair is 4096 samples long, but only its newest 1024 reach the output. So
the masked frame goes back to samples, the synthesis window takes the newest, and the error is
measured there.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsp.stft import WindowPair

Device = str | torch.device

_FLOOR = 0.01  # errors 20 dB below the mixture are as good as none
_FLOOR_ALONE = 1e-4  # but 40 dB where all of it belongs to one side, and any error is heard
_ALONE = 1e-6  # of the mixture's energy is the other side's
_SILENCE = 1e-6


class FrameBank:
    """Framing for training: the frames a stream would see, every ``hop_samples``."""

    def __init__(self, windows: WindowPair, hop_samples: int, device: Device = "cpu") -> None:
        self._analysis = torch.from_numpy(windows.analysis).to(device)
        self._synthesis = torch.from_numpy(windows.synthesis).to(device)
        self._hop_samples = hop_samples

    def spectra(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        """[..., n * hop] to [..., n, bin]; frame ``t`` ends with hop ``t``, silence lies before.

        All frames, or some.
        """
        chosen = self._frames(samples, self._analysis.numel(), frames)
        return torch.fft.rfft(chosen * self._analysis)

    def newest(self, spectra: Tensor) -> Tensor:
        """[..., n, bin] to the samples that synthesis would add: [..., n, synthesis_samples]."""
        frames = torch.fft.irfft(spectra, self._analysis.numel())
        return frames[..., -self._synthesis.numel() :] * self._synthesis

    def newest_of(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        """Give what ``newest`` makes of samples' unchanged spectra, without any transform.

        Of all frames, or of some.
        """
        size = self._synthesis.numel()
        window = self._analysis[-size:] * self._synthesis
        return self._frames(samples, size, frames) * window

    def _frames(self, samples: Tensor, size: int, frames: Tensor | None) -> Tensor:
        padded = functional.pad(samples, (size - self._hop_samples, 0))
        every = padded.unfold(-1, size, self._hop_samples)
        return every if frames is None else every[..., frames, :]


def relative_error_db(estimate: Tensor, reference: Tensor, mixture: Tensor) -> Tensor:
    """Error against mixture per item, in dB with a floor: [batch, ...] to [batch].

    The floor is -20 dB, or -40 where the reference is silent or all there is. The logarithm gives
    each item the same pull, loud or quiet, easy or hard; relative to the mixture rather than the
    reference, silent references count like any other.
    """
    whole = _energy(mixture) + _SILENCE
    quieter = torch.minimum(_energy(reference), _energy(mixture - reference))
    floor = torch.where(quieter < _ALONE * whole, _FLOOR_ALONE, _FLOOR)
    return 10.0 * torch.log10(_energy(estimate - reference) / whole + floor)


def _energy(x: Tensor) -> Tensor:
    """[batch, ...] to [batch]."""
    return x.square().flatten(1).sum(dim=1)


def usdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Utterance-level SDR of [channel, frame], as in the Music Demixing Challenge 2021."""
    error = float(np.square(reference - estimate).sum(dtype=np.float64)) + 1e-8
    return float(10.0 * np.log10((np.square(reference).sum(dtype=np.float64) + 1e-8) / error))
