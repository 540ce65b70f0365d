"""Magnitude spectra of a reference and an estimate, side by side and block by block.

Measures on spectra are accumulators: ``feed`` shows them the same frames of both signals, a few at
a time, so that several share one transform and no song's spectrogram is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import scipy.fft
from scipy.signal import get_window

from dsp.separator import FloatArray

BLOCK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class Resolution:
    """A short-time Fourier transform; frames are centred on multiples of the hop."""

    fft_samples: int
    hop_samples: int
    window: Literal["hann", "boxcar"] = "hann"
    edges: Literal["constant", "reflect"] = "constant"  # what lies beyond them: zeros, a mirror


class SpectralMeasure(Protocol):
    """Something that is told from pairs of magnitude spectra."""

    def add(self, reference: FloatArray, estimate: FloatArray) -> None:
        """Take the next frames of both: [channel, frame, bin], BLOCK_FRAMES but for the last."""
        ...


def feed(
    reference: FloatArray,
    estimate: FloatArray,
    resolution: Resolution,
    measures: Sequence[SpectralMeasure],
) -> None:
    """Show every measure the spectra of both signals, [channel, sample] of equal shape."""
    blocks = zip(magnitudes(reference, resolution), magnitudes(estimate, resolution), strict=True)
    for true, found in blocks:
        for measure in measures:
            measure.add(true, found)


def magnitudes(signal: FloatArray, resolution: Resolution) -> Iterator[FloatArray]:
    """Yield magnitudes [channel, frame, bin] of a signal [channel, sample], unnormalised."""
    window = get_window(resolution.window, resolution.fft_samples).astype(np.float32)
    frames = framed(signal, resolution)
    for start in range(0, frames.shape[1], BLOCK_FRAMES):
        spectra = scipy.fft.rfft(frames[:, start : start + BLOCK_FRAMES] * window)
        yield np.abs(spectra)


def framed(signal: FloatArray, resolution: Resolution) -> FloatArray:
    """View a signal as overlapping frames [channel, frame, sample], half a frame beyond edges."""
    half = resolution.fft_samples // 2
    fits = resolution.edges == "constant" or signal.shape[1] > half  # a mirror needs as much
    padded = np.pad(signal, ((0, 0), (half, half)), mode=resolution.edges if fits else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, resolution.fft_samples, axis=1)
    frames: FloatArray = windows[:, :: resolution.hop_samples]
    return frames
