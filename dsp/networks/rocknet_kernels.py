"""What lies between the matrix products of the streaming U-Net: sums, activations, layouts.

Flat, allocation-free, without the interpreter's lock. Buffers are C-contiguous float32 with the
channel last, so that every inner loop runs over neighbouring values. Padded frequency axes have one
empty row before and two after, as the convolutions' padding wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from dsp.separator import FloatArray

LEAK = np.float32(0.2)


@njit(cache=True, nogil=True)
def advance(product: FloatArray, slot: FloatArray, bias: FloatArray, final: FloatArray) -> None:
    """Pass one final input column's products through the delay line of its time taps.

    ``product`` [frequency, tap * channel] are the column's products with the five time taps.
    ``slot`` [4, frequency, channel] is what was left here one column ago: partial sums that await
    1, 2, 3 and 4 more columns; updated in place. ``final`` [frequency, channel] gets the
    convolution over this column and the four before it.
    """
    frequencies, channels = final.shape
    for f in range(frequencies):
        row = product[f]
        for c in range(channels):
            final[f, c] = row[4 * channels + c] + slot[3, f, c] + bias[c]
        for c in range(channels):
            slot[3, f, c] = row[3 * channels + c] + slot[2, f, c]
        for c in range(channels):
            slot[2, f, c] = row[2 * channels + c] + slot[1, f, c]
        for c in range(channels):
            slot[1, f, c] = row[channels + c] + slot[0, f, c]
        for c in range(channels):
            slot[0, f, c] = row[c]


@njit(cache=True, nogil=True)
def add_edges(
    slot: FloatArray, edge_product: FloatArray, bias: FloatArray, columns: FloatArray
) -> None:
    """Complete the two newest columns with what their own edge inputs contribute.

    ``edge_product`` [frequency, column * channel]; ``columns`` [column, frequency, channel] gets
    columns 0 and 1, before batch normalisation.
    """
    _, frequencies, channels = columns.shape
    for f in range(frequencies):
        for c in range(channels):
            columns[0, f, c] = slot[0, f, c] + edge_product[f, c] + bias[c]
        for c in range(channels):
            columns[1, f, c] = slot[2, f, c] + edge_product[f, channels + c] + bias[c]


@njit(cache=True, nogil=True)
def newest_column(slot: FloatArray, bias: FloatArray, column: FloatArray) -> None:
    """Read level 1's newest column [frequency, channel] off its delay line: it has no edges."""
    frequencies, channels = column.shape
    for f in range(frequencies):
        for c in range(channels):
            column[f, c] = slot[2, f, c] + bias[c]


@njit(cache=True, nogil=True)
def activate(
    columns: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    edges: FloatArray,
    final: FloatArray,
) -> None:
    """Normalise and rectify columns 0, 1, 2 into the next level's padded inputs.

    ``columns`` [3, frequency, channel]; ``edges`` [padded frequency, 2, channel] gets columns 0 and
    1, ``final`` [padded frequency, channel] column 2.
    """
    _, frequencies, channels = columns.shape
    for f in range(frequencies):
        for r in range(2):
            for c in range(channels):
                value = columns[r, f, c] * scale[c] + shift[c]
                edges[f + 1, r, c] = max(value, LEAK * value)
        for c in range(channels):
            value = columns[2, f, c] * scale[c] + shift[c]
            final[f + 1, c] = max(value, LEAK * value)


@njit(cache=True, nogil=True)
def place_skips(columns: FloatArray, newer: FloatArray, oldest: FloatArray) -> None:
    """Copy columns [3, frequency, channel] to the decoder's inputs, before its own channels.

    ``newer`` [frequency, 2, width] gets columns 0 and 1, ``oldest`` [frequency, width] column 2.
    """
    _, frequencies, channels = columns.shape
    for f in range(frequencies):
        for c in range(channels):
            newer[f, 0, c] = columns[0, f, c]
        for c in range(channels):
            newer[f, 1, c] = columns[1, f, c]
        for c in range(channels):
            oldest[f, c] = columns[2, f, c]


@njit(cache=True, nogil=True)
def interleave(  # noqa: PLR0917 - Numba takes arrays by position
    product: FloatArray,
    oldest_product: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    newer: FloatArray,
    oldest: FloatArray,
) -> None:
    """Gather a transposed convolution's products into twice as many bins; rectify, normalise.

    ``product`` [frequency, column * tap * channel] (three columns, five frequency taps, the bias
    in taps 1 and 2); ``oldest_product`` [frequency, tap * channel] adds to column 2.
    The last channels of ``newer`` [2 * frequency, 2, width] and ``oldest`` [2 * frequency, width]
    get columns 0, 1 and 2.
    """
    frequencies, width = product.shape
    channels = scale.shape[0]
    taps = 5 * channels
    nothing = np.zeros(width, np.float32)
    even = np.zeros(channels, np.float32)
    odd = np.zeros(channels, np.float32)
    for f in range(frequencies):
        below = product[f - 1] if f > 0 else nothing
        above = product[f + 1] if f + 1 < frequencies else nothing
        for r in range(2):
            here = slice(r * taps, (r + 1) * taps)
            _gather(below[here], product[f, here], above[here], even, odd)
            _normalise(even, scale, shift, newer[2 * f, r])
            _normalise(odd, scale, shift, newer[2 * f + 1, r])
        _gather(below[2 * taps :], product[f, 2 * taps :], above[2 * taps :], even, odd)
        below = oldest_product[f - 1] if f > 0 else nothing
        above = oldest_product[f + 1] if f + 1 < frequencies else nothing
        _gather(below, oldest_product[f], above, even, odd)
        _normalise(even, scale, shift, oldest[2 * f])
        _normalise(odd, scale, shift, oldest[2 * f + 1])


@njit(cache=True, nogil=True)
def _gather(
    below: FloatArray, row: FloatArray, above: FloatArray, even: FloatArray, odd: FloatArray
) -> None:
    """Sum the taps of one bin and its neighbours that meet in its even and its odd half.

    Each input is [tap * channel]. Slices, for they tell the compiler that no index is negative.
    """
    n = even.shape[0]
    tap_1, tap_2 = row[n : 2 * n], row[2 * n : 3 * n]
    tap_3, tap_4 = below[3 * n : 4 * n], below[4 * n : 5 * n]
    tap_0 = above[:n]
    for c in range(n):
        even[c] += tap_1[c] + tap_3[c]
    for c in range(n):
        odd[c] += tap_2[c] + tap_4[c] + tap_0[c]


@njit(cache=True, nogil=True)
def _normalise(total: FloatArray, scale: FloatArray, shift: FloatArray, place: FloatArray) -> None:
    """Rectify and normalise into the last channels of a place, and empty the total."""
    n = total.shape[0]
    last = place[place.shape[0] - n :]
    for c in range(n):
        last[c] = max(total[c], np.float32(0.0)) * scale[c] + shift[c]
        total[c] = np.float32(0.0)


@njit(cache=True, nogil=True)
def finish_mask(  # noqa: PLR0917 - Numba takes arrays by position
    product: FloatArray,
    oldest_product: FloatArray,
    affine: FloatArray,
    columns: FloatArray,
    weight: FloatArray,
    bias: FloatArray,
    mask: FloatArray,
) -> None:
    """Last transposed convolution and the mask's 4 x 4 convolution of dilation 2, with sigmoid.

    ``product`` [frequency, column * tap] (columns 1 and 3), ``oldest_product`` [frequency, tap]
    adds to column 3; ``affine`` is (scale, shift). ``columns`` [2, 2 * frequency + 6] is scratch
    whose three outer bins on either side stay zero. ``weight`` [channel, column, tap], columns 1
    and 3; ``mask`` [channel, 2 * frequency].
    """
    inner = columns[:, 3:-3]
    inner[:] = np.float32(0.0)
    _add_bins(product[:, :5], inner[0])
    _add_bins(product[:, 5:], inner[1])
    _add_bins(oldest_product, inner[1])
    for r in range(2):
        for f in range(inner.shape[1]):
            inner[r, f] = max(inner[r, f], np.float32(0.0)) * affine[0] + affine[1]
    for channel in range(mask.shape[0]):
        _convolve_mask(columns, weight[channel], bias[channel], mask[channel])


@njit(cache=True, nogil=True)
def _add_bins(product: FloatArray, column: FloatArray) -> None:
    """Add one channel's products [frequency, tap] where they meet in a column [2 * frequency]."""
    frequencies = product.shape[0]
    for f in range(frequencies):
        column[2 * f] += product[f, 1]
        column[2 * f + 1] += product[f, 2]
    for f in range(1, frequencies):
        column[2 * f] += product[f - 1, 3]
        column[2 * f + 1] += product[f - 1, 4]
        column[2 * f - 1] += product[f, 0]


@njit(cache=True, nogil=True)
def _convolve_mask(columns: FloatArray, weight: FloatArray, bias: float, mask: FloatArray) -> None:
    for f in range(mask.shape[0]):
        value = bias
        for r in range(2):
            for tap in range(4):
                value += weight[r, tap] * columns[r, f + 2 * tap]
        mask[f] = np.float32(1.0) / (np.float32(1.0) + np.exp(-value))
