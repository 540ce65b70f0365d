"""Masks on short-time spectra, applied to whole songs a few frames at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.signal.windows import hann

from dsp.separator import FloatArray

ComplexArray = npt.NDArray[np.complex64]
Masks = Callable[[Sequence[ComplexArray]], Sequence[npt.NDArray[np.complex64 | np.float32]]]
"""Spectra of the signals [channel, frame, bin], the mixture's first, to masks of like shape."""

FFT_SAMPLES = 4096
HOP_SAMPLES = 1024
_BLOCK_FRAMES = 128
_WINDOW = np.sqrt(hann(FFT_SAMPLES, sym=False)).astype(np.float32)
_SCALE = np.float32(2 * HOP_SAMPLES / FFT_SAMPLES)  # overlaps sum to 1 / it


def apply_masks(
    signals: Sequence[FloatArray], masks: Masks, *, halo_frames: int = 0
) -> list[FloatArray]:
    """Mask the first of several signals, each [channel, sample]; one output for every mask.

    ``masks`` sees ``halo_frames`` more frames on either side than it is asked for (zeros beyond the
    ends); a mask of ones gives the signal back.
    """
    channels, samples = signals[0].shape
    frames = -(-(samples + FFT_SAMPLES - HOP_SAMPLES) // HOP_SAMPLES)
    padded = [_padded(signal, frames, halo_frames) for signal in signals]
    outputs: list[FloatArray] = []
    for start in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - start)
        spectra = [_transform(signal, start, count + 2 * halo_frames) for signal in padded]
        middle = (slice(None), slice(halo_frames, halo_frames + count))
        mixed = spectra[0][middle]
        for number, mask in enumerate(masks(spectra)):
            if start == 0:
                outputs.append(np.zeros((channels, _length(frames)), np.float32))
            _overlap_add(outputs[number], mixed * mask[middle], start)
    lead_in = FFT_SAMPLES - HOP_SAMPLES
    return [output[:, lead_in : lead_in + samples] for output in outputs]


def _padded(signal: FloatArray, frames: int, halo_frames: int) -> FloatArray:
    halo = halo_frames * HOP_SAMPLES
    before = FFT_SAMPLES - HOP_SAMPLES + halo
    after = _length(frames) + 2 * halo - before - signal.shape[1]
    return np.pad(signal, ((0, 0), (before, after)))


def _length(frames: int) -> int:
    """Count the samples that so many frames span."""
    return (frames - 1) * HOP_SAMPLES + FFT_SAMPLES


def _transform(signal: FloatArray, start_frame: int, count: int) -> ComplexArray:
    """[channel, frame, bin]."""
    first = start_frame * HOP_SAMPLES
    part = signal[:, first : first + _length(count)]
    frames = np.lib.stride_tricks.sliding_window_view(part, FFT_SAMPLES, axis=1)[:, ::HOP_SAMPLES]
    spectra: ComplexArray = scipy.fft.rfft(frames * _WINDOW)
    return spectra


def _overlap_add(
    output: FloatArray, spectra: npt.NDArray[np.complex64 | np.float32], start_frame: int
) -> None:
    frames = scipy.fft.irfft(spectra, FFT_SAMPLES) * (_WINDOW * _SCALE)
    for number in range(frames.shape[1]):
        first = (start_frame + number) * HOP_SAMPLES
        output[:, first : first + FFT_SAMPLES] += frames[:, number]
