"""What lies between the matrix products of the streaming U-Net: sums, activations, layouts.

Flat and allocation-free; most run inside a hop's kernels (`rocknet_hop_kernels`).
Buffers are C-contiguous float32 with the channel last, so that every inner loop runs over
neighbouring values. Padded frequency axes have one empty row before and two after, as the
convolutions' padding wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from dsp.separator import FloatArray

LEAK = np.float32(0.2)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def repeat_newest(
    product: FloatArray, slot: FloatArray, bias: FloatArray, columns: FloatArray
) -> None:
    """Complete level 0's two newest columns as if the newest frame sounded on for two more.

    ``product`` [frequency, tap * channel] of that frame, whose own part ``slot`` has already.
    ``columns`` [column, frequency, channel] gets columns 0 and 1.
    """
    _, frequencies, channels = columns.shape
    for f in range(frequencies):
        row = product[f]
        for c in range(channels):
            once_more = row[channels + c] + row[2 * channels + c]
            columns[0, f, c] = slot[0, f, c] + once_more + bias[c]
        for c in range(channels):
            once_more = row[3 * channels + c] + row[4 * channels + c]
            columns[1, f, c] = slot[2, f, c] + once_more + bias[c]


@njit(cache=True)
def activate_final(
    column: FloatArray, scale: FloatArray, shift: FloatArray, final: FloatArray
) -> None:
    """Normalise and rectify one column [frequency, channel] into ``final`` [padded, channel]."""
    frequencies, channels = column.shape
    for f in range(frequencies):
        for c in range(channels):
            value = column[f, c] * scale[c] + shift[c]
            final[f + 1, c] = max(value, LEAK * value)


@njit(cache=True)
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
    activate_final(columns[2], scale, shift, final)


@njit(cache=True)
def place_skips(columns: FloatArray, newer: FloatArray, older: FloatArray) -> None:
    """Copy columns [3, frequency, channel] to the decoder's inputs, before its own channels.

    ``newer`` [frequency, 2, width] gets columns 0 and 1, ``older`` [frequency, 1 or 2, width]
    column 2.
    """
    _, frequencies, channels = columns.shape
    for f in range(frequencies):
        for c in range(channels):
            newer[f, 0, c] = columns[0, f, c]
        for c in range(channels):
            newer[f, 1, c] = columns[1, f, c]
        for c in range(channels):
            older[f, 0, c] = columns[2, f, c]


@njit(cache=True)
def delay(column: FloatArray, delayed: FloatArray, older: FloatArray) -> None:
    """Place what was delayed in column 1 of ``older`` [frequency, 2, width]; delay ``column``.

    ``column`` and ``delayed`` [frequency, channel].
    """
    frequencies, channels = column.shape
    for f in range(frequencies):
        for c in range(channels):
            older[f, 1, c] = delayed[f, c]
            delayed[f, c] = column[f, c]


@njit(cache=True)
def hold(product: FloatArray, held: FloatArray) -> None:
    """Copy [row, value]."""
    for f in range(held.shape[0]):
        for k in range(held.shape[1]):
            held[f, k] = product[f, k]


@njit(cache=True)
def interleave(  # noqa: PLR0917 - Numba takes arrays by position
    product: FloatArray,
    older_product: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    newer: FloatArray,
    older: FloatArray,
) -> None:
    """Gather a transposed convolution's products into twice as many bins; rectify, normalise.

    ``product`` [frequency, column * tap * channel] (the first columns, five frequency taps, the
    bias in taps 1 and 2), which is overwritten; ``older_product``, likewise, adds to the last
    columns. The last channels of ``newer`` [2 * frequency, 2, width] and ``older``
    [2 * frequency, 1 or 2, width] get columns 0 and 1, and the others.
    """
    channels = scale.shape[0]
    frequencies, columns = product.shape[0], 2 + older.shape[1]
    add_to_last(older_product, product)
    taps = product.reshape(frequencies, columns, 5, channels)
    even = np.empty(channels, np.float32)
    odd = np.empty(channels, np.float32)
    first = newer.shape[2] - channels
    for f in range(frequencies):
        for r in range(columns):
            own = taps[f, r]
            for c in range(channels):
                even[c] = own[1, c]
                odd[c] = own[2, c]
            if f > 0:
                below = taps[f - 1, r]
                for c in range(channels):
                    even[c] += below[3, c]
                    odd[c] += below[4, c]
            if f + 1 < frequencies:
                above = taps[f + 1, r]
                for c in range(channels):
                    odd[c] += above[0, c]
            place = newer[:, r] if r < 2 else older[:, r - 2]
            low, high = place[2 * f, first:], place[2 * f + 1, first:]
            for c in range(channels):
                low[c] = max(even[c], np.float32(0.0)) * scale[c] + shift[c]
                high[c] = max(odd[c], np.float32(0.0)) * scale[c] + shift[c]


@njit(cache=True)
def add_to_last(added: FloatArray, product: FloatArray) -> None:
    """Add to the last values of each row."""
    for f in range(product.shape[0]):
        row, last = added[f], product[f, product.shape[1] - added.shape[1] :]
        for k in range(row.shape[0]):
            last[k] += row[k]


@njit(cache=True)
def finish_mask(  # noqa: PLR0917 - Numba takes arrays by position
    product: FloatArray,
    older_product: FloatArray,
    scale: float,
    shift: float,
    columns: FloatArray,
    weight: FloatArray,
    bias: FloatArray,
    mask: FloatArray,
) -> None:
    """Last transposed convolution and the mask's 4 x 4 convolution of dilation 2, with sigmoid.

    ``product`` [frequency, column * tap] (columns 1 and 3), ``older_product`` likewise (3 and 5);
    ``columns`` [3, 2 * frequency + 6] is scratch whose three outer
    bins on either side stay zero. ``weight`` [channel, column, tap], columns 1, 3 and 5; ``mask``
    [channel, 2 * frequency].
    """
    inner = columns[:, 3:-3]
    inner[:] = np.float32(0.0)
    _add_bins(product[:, :5], inner[0])
    _add_bins(product[:, 5:], inner[1])
    _add_bins(older_product[:, :5], inner[1])
    _add_bins(older_product[:, 5:], inner[2])
    for r in range(inner.shape[0]):
        for f in range(inner.shape[1]):
            inner[r, f] = max(inner[r, f], np.float32(0.0)) * scale + shift
    for channel in range(mask.shape[0]):
        _convolve_mask(columns, weight[channel], bias[channel], mask[channel])


@njit(cache=True)
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


@njit(cache=True)
def _convolve_mask(columns: FloatArray, weight: FloatArray, bias: float, mask: FloatArray) -> None:
    for f in range(mask.shape[0]):
        value = bias
        for r in range(columns.shape[0]):
            for tap in range(4):
                value += weight[r, tap] * columns[r, f + 2 * tap]
        mask[f] = np.float32(1.0) / (np.float32(1.0) + np.exp(-value))
