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
from numba.extending import register_jitable

from dsp.framing import cut_frames, move_on
from dsp.networks import aligned
from dsp.networks.bfloat_products import clear
from dsp.networks.fourier_kernels import Transform, make_transform, transform
from dsp.networks.kept import Kept
from dsp.networks.kernel_cache import kernel
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


class Tables(NamedTuple):
    """Windows and what transforms need: all streams share them."""

    windows: FloatArray  # [(heard, filtered), sample]
    window: FloatArray  # of the synthesis, over the newest samples
    whole: Transform  # of a frame
    part: Transform  # of every fourth of its bins
    turns: FloatArray  # [part, (real, imaginary), sample]


class Sound(NamedTuple):
    """What a stream remembers, and its tables; all else that a hop needs it makes, and forgets."""

    tables: Tables
    past: FloatArray  # [channel, frame - hop]
    ring: FloatArray  # [1, channel, slot, hop]
    slot: ClockArray  # [1], of the oldest unfinished hop


def make_tables(heard: WindowPair, filtered: WindowPair) -> Tables:
    """Make them for windows of one length and hop; ``filtered`` is also what is played through."""
    frame = filtered.analysis.size
    end = frame // _PARTS
    turned = np.exp(2j * np.pi / frame * np.outer(np.arange(_PARTS), np.arange(frame - end, frame)))
    turned /= frame
    return Tables(
        windows=aligned.copied(np.stack([heard.analysis, filtered.analysis])),
        window=aligned.copied(filtered.synthesis),
        whole=make_transform(frame),
        part=make_transform(end),
        turns=aligned.copied(np.stack([turned.real, turned.imag], axis=1).astype(np.float32)),
    )


def make_sound(tables: Tables, hop_samples: int) -> Kept[Sound]:
    """Make a stream's; silence before the first sample."""
    past_samples = tables.windows.shape[1] - hop_samples
    return Kept(
        Sound(
            tables,
            past=aligned.zeros((CHANNELS, past_samples), np.float32),
            ring=aligned.zeros(
                (1, CHANNELS, tables.window.size // hop_samples, hop_samples), np.float32
            ),
            slot=np.zeros(1, np.int64),
        )
    )


def silence(sound: Sound) -> None:
    """Silence before the next sample."""
    sound.past[:] = 0.0
    sound.ring[:] = 0.0
    sound.slot[:] = 0


@register_jitable
def hop_of(sound: Sound) -> int:
    """Return how many samples make a hop, in Python and in kernels."""
    return sound.ring.shape[3]


@kernel
def analyse(sound: Sound, samples: FloatArray, first: int) -> tuple[ComplexArray, ComplexArray]:
    """Take in a hop of ``samples`` [channel, sample], from ``first`` on: the frame it completes.

    Returns its spectra [channel, bin]: what is heard, and what is filtered.
    """
    frames = _cut(sound, samples, first)
    return _spectra(sound.tables, frames[0]), _spectra(sound.tables, frames[1])


@kernel
def hear(sound: Sound, samples: FloatArray, first: int) -> ComplexArray:
    """Do so, but return only what is heard of it."""
    return _spectra(sound.tables, _cut(sound, samples, first)[0])


@kernel
def _cut(sound: Sound, samples: FloatArray, first: int) -> FloatArray:
    """Return the frame that a hop completes, through both windows: [window, channel, sample]."""
    hop, size = hop_of(sound), sound.tables.windows.shape[1]
    newest = np.empty((CHANNELS, hop), np.float32)
    for channel in range(CHANNELS):
        for n in range(hop):
            newest[channel, n] = samples[channel, first + n]
    frames = aligned.empty(2 * CHANNELS * size, np.float32)
    of_hop = frames.reshape(2, CHANNELS, 1, size)
    cut_frames(sound.past, newest, sound.tables.windows, 0, of_hop)
    move_on(sound.past, newest)
    return frames.reshape(2, CHANNELS, size)


@kernel
def _spectra(tables: Tables, frame: FloatArray) -> ComplexArray:
    """Return the spectra of ``frame`` [channel, sample], which is overwritten."""
    size = frame.shape[1]
    other = aligned.empty(CHANNELS * size, np.float32).reshape(CHANNELS, size)
    bins = size // 2 + 1
    spectra = aligned.empty(CHANNELS * bins, np.complex64).reshape(CHANNELS, bins)
    _part_channels(transform(tables.whole, frame, other), spectra)
    return spectra


@kernel
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


@kernel
def synthesise(sound: Sound, filtered: ComplexArray, samples: FloatArray, first: int) -> None:
    """Play ``filtered`` [channel, bin]: a hop of ``samples`` [1, channel, sample], ``first`` on."""
    hop, ends = hop_of(sound), _end(sound.tables, filtered).reshape(1, CHANNELS, 1, -1)
    played = np.empty((1, CHANNELS, hop), np.float32)
    sound.slot[0] = overlap_add(ends, sound.tables.window, sound.ring, sound.slot[0], played)
    for channel in range(CHANNELS):
        for n in range(hop):
            samples[0, channel, first + n] = played[0, channel, n]


@kernel
def _end(tables: Tables, filtered: ComplexArray) -> FloatArray:
    """Return the last part of the frame, [channel, sample], whose spectra these are."""
    size = tables.turns.shape[2]
    end = aligned.empty(CHANNELS * size, np.float32).reshape(CHANNELS, size)
    other = aligned.empty(CHANNELS * size, np.float32).reshape(CHANNELS, size)
    parts = aligned.empty(_PARTS * CHANNELS * size, np.float32).reshape(_PARTS, CHANNELS, size)
    _deal(filtered, parts)
    clear(end, 0, CHANNELS * size)
    for b in range(_PARTS):
        found = transform(tables.part, parts[b], other)
        for n in range(0, size, LANES):
            # The inverse: imaginary parts come first, in and out.
            imaginary, real = load(found, n, LANES), load(found, size + n, LANES)
            by_real = load(tables.turns, 2 * b * size + n, LANES)
            by_imaginary = load(tables.turns, (2 * b + 1) * size + n, LANES)
            left = load(end, n, LANES) + real * by_real - imaginary * by_imaginary
            right = load(end, size + n, LANES) + real * by_imaginary + imaginary * by_real
            store(left, end, n, LANES)
            store(right, end, size + n, LANES)
    return end


@kernel
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
