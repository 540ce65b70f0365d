"""Samples to spectra and back inside a hop's kernel, for streams of two channels.

What `StreamingAnalysis` and `StreamingSynthesis` do, which are the oracle. Two channels go through
every transform as one complex signal, so a silent channel may get 1e-7 of the other. A short
synthesis window reads the end of a long frame only: of a transform of N bins, every D-th bin makes
a transform of N / D of its own; D of those, each turned by its bin's phase, add up to N / D
neighbouring samples.

Reference: Sorensen and Burrus, "Efficient computation of the DFT with only a subset of input or
output points", IEEE Transactions on Signal Processing 41 (1993).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from dsp.framing import cut_frames, move_on
from dsp.networks import aligned
from dsp.networks.fourier_kernels import Transform, make_transform, transform
from dsp.networks.kept import Kept
from dsp.networks.lanes import LANES, load, load_backwards, spread, store, store_complex
from dsp.networks.phoenix_shape import CHANNELS
from dsp.overlap_add import overlap_add

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.separator import FloatArray
    from dsp.stft import WindowPair

    ClockArray = npt.NDArray[np.int64]

_PARTS = 4  # of a frame's end; the end is as long as a part
_HALF = np.float32(0.5)


class Sound(NamedTuple):
    """Windows and tables, what a stream remembers, and a hop's buffers.

    ``past``, ``ring`` and ``slot`` are what it remembers.
    """

    windows: FloatArray  # [(heard, filtered), sample]
    window: FloatArray  # of the synthesis, over the newest samples
    whole: Transform  # of a frame
    part: Transform  # of every fourth of its bins
    turns: FloatArray  # [part, (real, imaginary), sample]
    past: FloatArray  # [channel, frame - hop]
    newest: FloatArray  # [channel, hop]
    frames: FloatArray  # [window, channel, sample]
    other: FloatArray  # [channel, sample]
    heard: ComplexArray  # [channel, bin]
    spectra: ComplexArray  # likewise, through the other window
    filtered: ComplexArray  # likewise: what is played of these
    parts: FloatArray  # [part, 2, bin]
    ends: FloatArray  # [1, channel, 1, sample]
    ring: FloatArray  # [1, channel, slot, hop]
    slot: ClockArray  # [1], of the oldest unfinished hop
    played: FloatArray  # [1, channel, hop]


def make_sound(heard: WindowPair, filtered: WindowPair) -> Kept[Sound]:
    """Make it for windows of one length and hop; ``filtered`` is also what is played through."""
    frame, hop = filtered.analysis.size, filtered.hop_samples
    end, bins = frame // _PARTS, filtered.bins
    turned = np.exp(2j * np.pi / frame * np.outer(np.arange(_PARTS), np.arange(frame - end, frame)))
    turned /= frame
    return Kept(
        Sound(
            windows=aligned.copied(np.stack([heard.analysis, filtered.analysis])),
            window=aligned.copied(filtered.synthesis),
            whole=make_transform(frame),
            part=make_transform(end),
            turns=aligned.copied(np.stack([turned.real, turned.imag], axis=1).astype(np.float32)),
            past=aligned.zeros((CHANNELS, frame - hop), np.float32),
            newest=aligned.zeros((CHANNELS, hop), np.float32),
            frames=aligned.zeros((2, CHANNELS, frame), np.float32),
            other=aligned.zeros((CHANNELS, frame), np.float32),
            heard=aligned.zeros((CHANNELS, bins), np.complex64),
            spectra=aligned.zeros((CHANNELS, bins), np.complex64),
            filtered=aligned.zeros((CHANNELS, bins), np.complex64),
            parts=aligned.zeros((_PARTS, CHANNELS, end), np.float32),
            ends=aligned.zeros((1, CHANNELS, 1, end), np.float32),
            ring=aligned.zeros((1, CHANNELS, filtered.synthesis.size // hop, hop), np.float32),
            slot=np.zeros(1, np.int64),
            played=aligned.zeros((1, CHANNELS, hop), np.float32),
        )
    )


def silence(sound: Sound) -> None:
    """Silence before the next sample."""
    sound.past[:] = 0.0
    sound.ring[:] = 0.0
    sound.slot[:] = 0


@njit(cache=True)
def analyse(sound: Sound, samples: FloatArray, first: int) -> None:
    """Take in a hop of ``samples`` [channel, sample], from ``first`` on: the frame it completes.

    Its spectra through both windows.
    """
    hear(sound, samples, first)
    _part_channels(transform(sound.whole, sound.frames[1], sound.other), sound.spectra)


@njit(cache=True)
def hear(sound: Sound, samples: FloatArray, first: int) -> None:
    """Do so, but find only what is heard of it."""
    for channel in range(CHANNELS):
        for n in range(sound.newest.shape[1]):
            sound.newest[channel, n] = samples[channel, first + n]
    frames = sound.frames.reshape(2, CHANNELS, 1, -1)
    cut_frames(sound.past, sound.newest, sound.windows, 0, frames)
    move_on(sound.past, sound.newest)
    _part_channels(transform(sound.whole, sound.frames[0], sound.other), sound.heard)


@njit(cache=True)
def _part_channels(values: FloatArray, spectra: ComplexArray) -> None:
    """Part the transform of two channels, as real and imaginary part, into ``spectra``."""
    size, bins, half = values.shape[1], spectra.shape[1], spread(_HALF)
    for channel in range(CHANNELS):
        spectra[channel, 0] = values[channel, 0]
    for k in range(1, bins, LANES):
        mirrored = size - k - LANES + 1
        real, imaginary = load(values, k, LANES), load(values, size + k, LANES)
        other_real = load_backwards(values, mirrored)
        other_imaginary = load_backwards(values, size + mirrored)
        left_real, left_imaginary = real + other_real, imaginary - other_imaginary
        right_real, right_imaginary = imaginary + other_imaginary, other_real - real
        store_complex(half * left_real, half * left_imaginary, spectra, k)
        store_complex(half * right_real, half * right_imaginary, spectra, bins + k)


@njit(cache=True)
def synthesise(sound: Sound, samples: FloatArray, first: int) -> None:
    """Play what was filtered: a hop of ``samples`` [1, channel, sample], from ``first`` on."""
    _deal(sound.filtered, sound.parts)
    end = sound.ends.reshape(CHANNELS, -1)
    zero = spread(np.float32(0.0))
    size = end.shape[1]
    for k in range(0, 2 * size, LANES):
        store(zero, end, k, LANES)
    other = sound.other.reshape(-1, CHANNELS, size)[0]
    for b in range(_PARTS):
        found = transform(sound.part, sound.parts[b], other)
        for n in range(0, size, LANES):
            # The inverse: imaginary parts come first, in and out.
            imaginary, real = load(found, n, LANES), load(found, size + n, LANES)
            by_real = load(sound.turns, 2 * b * size + n, LANES)
            by_imaginary = load(sound.turns, (2 * b + 1) * size + n, LANES)
            left = load(end, n, LANES) + real * by_real - imaginary * by_imaginary
            right = load(end, size + n, LANES) + real * by_imaginary + imaginary * by_real
            store(left, end, n, LANES)
            store(right, end, size + n, LANES)
    sound.slot[0] = overlap_add(sound.ends, sound.window, sound.ring, sound.slot[0], sound.played)
    for channel in range(CHANNELS):
        for n in range(sound.played.shape[2]):
            samples[0, channel, first + n] = sound.played[0, channel, n]


@njit(cache=True)
def _deal(spectra: ComplexArray, parts: FloatArray) -> None:
    """Join two channels' ``spectra`` to those of one complex signal, and deal the bins.

    ``parts`` [part, (imaginary, real), bin]. Bins above the highest mirror those below; the lowest
    and the highest, which mirror themselves, count as real.
    """
    apart, _, size = parts.shape
    highest = spectra.shape[1] - 1
    one, other = spectra[0], spectra[1]
    for b in range(apart):
        imaginary, real = parts[b, 0], parts[b, 1]
        below = (highest - b) // apart + 1
        for k in range(below):
            left, right = one[b + k * apart], other[b + k * apart]
            real[k], imaginary[k] = left.real - right.imag, left.imag + right.real
        for k in range(below, size):
            mirrored = 2 * highest - b - k * apart
            left, right = one[mirrored], other[mirrored]
            real[k], imaginary[k] = left.real + right.imag, right.real - left.imag
    for itself in (0, highest):
        part, k = itself % apart, itself // apart
        parts[part, 1, k], parts[part, 0, k] = one[itself].real, other[itself].real
