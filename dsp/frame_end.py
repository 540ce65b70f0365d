"""The newest samples of frames from their spectra, for less than whole frames cost.

A short synthesis window reads the end of a long frame only. Of a transform of N bins, every D-th
bin makes a transform of N / D of its own; D of those, each turned by its bin's phase, add up to
N / D neighbouring samples. Two channels go through as one complex signal.

Reference: Sorensen and Burrus, "Efficient computation of the DFT with only a subset of input or
output points", IEEE Transactions on Signal Processing 41 (1993).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import fft

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]


_LEAST_PARTS = 4
"""From which this pays: so many transforms run side by side in vectors."""


class FrameEnd:
    """Finds the last samples of frames: ``kept_samples`` of ``frame_samples``, or more."""

    def __init__(self, frame_samples: int, kept_samples: int) -> None:
        count, rest = divmod(frame_samples, kept_samples)
        self._pays = count >= _LEAST_PARTS and not rest
        self._frame_samples, self._kept_samples = frame_samples, kept_samples
        sample = np.arange(frame_samples - kept_samples, frame_samples)
        turns = np.exp(2j * np.pi / frame_samples * np.outer(np.arange(count), sample))
        self._turns = (turns / count).astype(np.complex64)

    def of(self, spectra: ComplexArray) -> FloatArray:
        """[stem, channel, frame, bin] to [stem, channel, frame, sample].

        The last ``kept_samples``, or whole frames where these are as quick. What a frame gives does
        not depend on how many there are; a silent channel may get 1e-7 of another one.
        """
        if not self._pays:
            return fft.irfft(spectra, n=self._frame_samples, axis=-1)
        stems, channels, frames, _ = spectra.shape
        pairs, kept = (channels + 1) // 2, self._kept_samples
        parts = np.empty((stems, pairs, frames, len(self._turns), kept), np.complex64)
        _part(spectra, parts)
        ends = np.empty((stems, channels, frames, kept), np.float32)
        _turn_and_add(fft.ifft(parts, axis=-1, overwrite_x=True), self._turns, ends)
        return ends


@njit(cache=True, nogil=True)
def _part(spectra: ComplexArray, parts: ComplexArray) -> None:
    """Join two channels' ``spectra``, or one and silence, and deal the bins.

    ``parts`` [stem, pair, frame, part, bin]. The second channel is that of an imaginary part. Bins
    above the highest mirror those below; the lowest and the highest, which mirror themselves, count
    as real.
    """
    stems, pairs, frames, apart, size = parts.shape
    highest = spectra.shape[3] - 1
    for stem, pair, frame in np.ndindex((stems, pairs, frames)):
        one = spectra[stem, 2 * pair, frame]
        is_alone = 2 * pair + 1 == spectra.shape[1]
        other = one if is_alone else spectra[stem, 2 * pair + 1, frame]
        by = np.float32(0.0 if is_alone else 1.0)
        for b in range(apart):
            part, below = parts[stem, pair, frame, b], (highest - b) // apart + 1
            for k in range(below):
                left, right = one[b + k * apart], other[b + k * apart]
                part[k] = complex(left.real - by * right.imag, left.imag + by * right.real)
            for k in range(below, size):
                mirrored = 2 * highest - b - k * apart
                left, right = one[mirrored], other[mirrored]
                part[k] = complex(left.real + by * right.imag, by * right.real - left.imag)
        for itself in (0, highest):
            both = complex(one[itself].real, by * other[itself].real)
            parts[stem, pair, frame, itself % apart, itself // apart] = both


@njit(cache=True, nogil=True)
def _turn_and_add(parts: ComplexArray, turns: ComplexArray, ends: FloatArray) -> None:
    """Add up ``parts`` [stem, pair, frame, part, sample], each turned, into channels' ``ends``."""
    stems, pairs, frames, apart, size = parts.shape
    total = np.empty(size, np.complex64)
    for stem, pair, frame in np.ndindex((stems, pairs, frames)):
        total[:] = 0.0
        for b in range(apart):
            part, turn = parts[stem, pair, frame, b], turns[b]
            for n in range(size):
                total[n] += part[n] * turn[n]
        real = ends[stem, 2 * pair, frame]
        for n in range(size):
            real[n] = total[n].real
        if 2 * pair + 1 < ends.shape[1]:
            imaginary = ends[stem, 2 * pair + 1, frame]
            for n in range(size):
                imaginary[n] = total[n].imag
