"""What lies between the matrix products of Phoenix's step: layouts, activations, the filter itself.

Flat and allocation-free; most run inside a hop's kernels (`phoenix_hop_kernels`).
Buffers are C-contiguous with the channel last; padded bin axes have as many empty rows before the
first bin as ``first`` or the text says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.bfloat_products import clear, convert
from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES, larger, load, spread, store

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.networks.lanes import HalfArray, LaneArray
    from dsp.separator import FloatArray

    ComplexArray = npt.NDArray[np.complex64]

LEAK = np.float32(0.2)
FAR_TAPS = 5
FAR_DILATION = 3
FAR_REACH = FAR_TAPS // 2 * FAR_DILATION
EDGE_BINS = 32  # whose mean mask holds above the highest bin


@kernel
def hear(spectra: ComplexArray, scale: float, padded: FloatArray) -> None:
    """Write magnitudes of ``spectra`` [channel, bin] to ``padded`` [1 + bin + 2, channel]."""
    channels = spectra.shape[0]
    for f in range(padded.shape[0] - 3):
        for c in range(channels):
            value = spectra[c, f]
            power = value.real * value.real + value.imag * value.imag
            padded[f + 1, c] = np.float32(scale) * np.sqrt(power)


@kernel
def magnitudes_of(spectra: ComplexArray, bins: int) -> FloatArray:
    """Return magnitudes [channel, bin] of the first ``bins`` of ``spectra`` [channel, bin]."""
    magnitudes = np.empty((spectra.shape[0], bins), np.float32)
    for c in range(magnitudes.shape[0]):
        for f in range(bins):
            value = spectra[c, f]
            magnitudes[c, f] = np.sqrt(value.real * value.real + value.imag * value.imag)
    return magnitudes


@kernel
def join(opinion: FloatArray, mask: FloatArray, features: FloatArray, first: int) -> None:
    """Note a second ``opinion`` [channel 2, bin] and let ``mask`` [bin, 2] be the mean of both.

    It goes to ``features`` [padded bin, channel], from its first value, number ``first``, on.
    """
    bins, channels = mask.shape
    width, half = features.shape[1], np.float32(0.5)
    flat = features.reshape(-1)
    for f in range(bins):
        for c in range(channels):
            value = opinion[c, f]
            flat[first + f * width + c] = value
            mask[f, c] = half * (mask[f, c] + value)


@kernel
def gather_past(  # noqa: PLR0917 - Numba takes arrays by position
    ring: LaneArray, newest: int, dilation: int, step: int, width: int, rows: LaneArray
) -> None:
    """Lay side by side what each row reads of the newest frame and of those before it.

    ``ring`` [slot, padded bin * channel, or some more]; row ``n`` of ``rows`` [row, time tap *
    width] reads ``width`` values from ``n * step`` on.
    """
    (slots, size), (count, columns) = ring.shape, rows.shape
    for tap in range(columns // width):
        frame = (newest - tap * dilation) % slots * size
        for n in range(count):
            for k in range(0, width, LANES):
                values = load(ring, frame + n * step + k, width - k)
                store(values, rows, n * columns + tap * width + k, width - k)


@kernel
def add(values: FloatArray, total: FloatArray) -> None:
    """Add values to a ``total`` of the same shape."""
    for k in range(0, total.size, LANES):
        left = total.size - k
        store(load(total, k, left) + load(values, k, left), total, k, left)


@kernel
def keep_skip(skip: FloatArray, joined: LaneArray) -> None:
    """Copy ``skip`` [bin, channel] to the first channels of ``joined`` [1 + bin + 1, channel]."""
    (bins, channels), width = skip.shape, joined.shape[1]
    for f in range(bins):
        for c in range(0, channels, LANES):
            left = channels - c
            store(load(skip, f * channels + c, left), joined, (f + 1) * width + c, left)


@kernel
def pass_down(skip: FloatArray, padded: LaneArray) -> None:
    """Rectify ``skip`` [bin, channel] into the next level's input [1 + bin + 2, channel]."""
    channels, leak = skip.shape[1], spread(LEAK)
    for k in range(0, skip.size, LANES):
        left, value = skip.size - k, load(skip, k, skip.size - k)
        store(larger(value, leak * value), padded, channels + k, left)


@kernel
def pass_up(product: FloatArray, target: LaneArray, first: int, channel: int) -> None:
    """Rectify ``product`` [bin / 2, (even, odd) * channel] into ``target``, bin by bin.

    ``target`` [first + bin + ..., channels] gets it from channel number ``channel`` on.
    """
    channels, width, zero = product.shape[1] // 2, target.shape[1], spread(np.float32(0.0))
    for f in range(2 * product.shape[0]):
        for c in range(0, channels, LANES):
            left, value = channels - c, load(product, f * channels + c, channels - c)
            store(larger(value, zero), target, (first + f) * width + channel + c, left)


@kernel
def add_direction(
    mask: FloatArray, spectra: ComplexArray, quiet: float, scale: float, features: FloatArray
) -> None:
    """Write the head's last six features: mask, balance, coherence's two parts, level.

    ``mask`` [bin, 2], ``spectra`` [2, bin or more], ``features`` [2 + bin + 2, ...].
    """
    bins, at = mask.shape[0], features.shape[1] - 6
    total = 0.0
    for f in range(bins):
        left, right, row = spectra[0, f], spectra[1, f], features[f + 2]
        power_left = left.real * left.real + left.imag * left.imag
        power_right = right.real * right.real + right.imag * right.imag
        power = power_left + power_right + np.float32(quiet)
        row[at], row[at + 1] = mask[f, 0], mask[f, 1]
        row[at + 2] = (power_left - power_right) / power
        cross_real = left.real * right.real + left.imag * right.imag
        cross_imag = left.imag * right.real - left.real * right.imag
        row[at + 3] = np.float32(2.0) * cross_real / power
        row[at + 4] = np.float32(2.0) * cross_imag / power
        row[at + 5] = np.float32(scale) * np.log(power)
        total += row[at + 5]
    mean = np.float32(total / bins)
    for f in range(bins):
        features[f + 2, at + 5] -= mean


@kernel
def halve_between(product: FloatArray, reach: int, halves: HalfArray) -> None:
    """Write ``product`` [bin, channel] as bfloat16, flat, ``reach`` empty bins before it."""
    first, size = reach * product.shape[1], product.size
    clear(halves, 0, first)
    convert(product, size, halves[first:])
    clear(halves, first + size, halves.shape[0])


@kernel
def gather_far(product: FloatArray, rows: FloatArray) -> None:
    """Lay dilated taps of ``product`` [bin, channel] side by side.

    ``rows`` [bin, tap * channel]; taps that reach beyond either end are zero.
    """
    bins, channels = product.shape
    for f in range(bins):
        for tap in range(FAR_TAPS):
            source = f + FAR_DILATION * (tap - FAR_TAPS // 2)
            row = rows[f, tap * channels : (tap + 1) * channels]
            if 0 <= source < bins:
                for c in range(channels):
                    row[c] = product[source, c]
            else:
                row[:] = 0.0


@kernel
def rectify(values: FloatArray) -> None:
    """Rectify values of any shape in place."""
    leak = spread(LEAK)
    for k in range(0, values.size, LANES):
        left, value = values.size - k, load(values, k, values.size - k)
        store(larger(value, leak * value), values, k, left)


@kernel
def apply(
    matrix: FloatArray, mask: FloatArray, spectra: ComplexArray, filtered: ComplexArray
) -> None:
    """Apply mask and matrices to one frame: ``spectra`` [2, bin] to ``filtered``, likewise.

    ``mask`` [lower bin, 2]; ``matrix`` [lower bin, 8]: real parts of [out, in], then imaginary.
    """
    bins = mask.shape[0]
    for f in range(bins):
        for out in range(2):
            value = mask[f, out] * spectra[out, f]
            for channel in range(2):
                k = 2 * out + channel
                value += complex(matrix[f, k], matrix[f, 4 + k]) * spectra[channel, f]
            filtered[out, f] = value
    for out in range(2):
        edge = np.float32(0.0)
        for f in range(bins - EDGE_BINS, bins):
            edge += mask[f, out]
        edge /= np.float32(EDGE_BINS)
        for f in range(bins, spectra.shape[1]):
            filtered[out, f] = edge * spectra[out, f]
