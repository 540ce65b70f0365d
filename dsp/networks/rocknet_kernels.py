"""What lies between the matrix products of the streaming U-Net: sums, activations, layouts.

Flat and allocation-free; most run inside a hop's kernels (`rocknet_hop_kernels`).
Buffers are C-contiguous with the channel last, so that every inner loop runs over
neighbouring values. Padded frequency axes have one empty row before and two after, as the
convolutions' padding wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.bandwidth import TOP_BINS
from dsp.networks.kernel_cache import kernel
from dsp.networks.lane_functions import copy, logistic
from dsp.networks.lanes import LANES, larger, load, spread, store

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.separator import FloatArray

LEAK = np.float32(0.2)


@kernel
def hear(magnitudes: FloatArray, columns: LaneArray) -> None:
    """Write ``magnitudes`` [channel, bin] to the first level's column [padded bin, channel]."""
    channels, bins = magnitudes.shape
    heard = np.empty(bins * channels, np.float32)
    for f in range(bins):
        for c in range(channels):
            heard[f * channels + c] = magnitudes[c, f]
    copy(heard, columns.reshape(-1)[channels : channels + heard.size])


@kernel
def advance(  # noqa: PLR0917 - Numba takes arrays by position
    first: FloatArray,
    odd: FloatArray,
    even: FloatArray,
    slot: LaneArray,
    bias: FloatArray,
    final: FloatArray,
) -> None:
    """Pass one final input column's products through the delay line of its time taps.

    ``first`` [frequency, channel] are the column's products with time tap 0; ``odd`` [frequency, 2
    * channel] those with taps 1 and 3, ``even`` with 2 and 4. ``slot`` [4, frequency, channel] is
    what was left here one column ago: partial sums that await 1, 2, 3 and 4 more columns; updated
    in place. ``final`` [frequency, channel] gets the convolution over this column and the four
    before it.
    """
    frequencies, channels = final.shape
    plane = final.size
    for f in range(frequencies):
        for c in range(0, channels, LANES):
            left, place, own = channels - c, f * channels + c, 2 * f * channels + c
            one = load(slot, place, left)
            two = load(slot, plane + place, left)
            three = load(slot, 2 * plane + place, left)
            four = load(slot, 3 * plane + place, left)
            total = load(even, own + channels, left) + four + load(bias, c, left)
            store(total, final, place, left)
            store(load(odd, own + channels, left) + three, slot, 3 * plane + place, left)
            store(load(even, own, left) + two, slot, 2 * plane + place, left)
            store(load(odd, own, left) + one, slot, plane + place, left)
            store(load(first, place, left), slot, place, left)


@kernel
def complete(  # noqa: PLR0917 - Numba takes arrays by position
    first: FloatArray,
    odd: FloatArray,
    even: FloatArray,
    slot: LaneArray,
    bias: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    across: LaneArray,
    below: LaneArray,
) -> None:
    """Complete a level's columns 0, 1 and 2, and hand them on, across and down.

    ``first`` and ``slot`` as for `advance`. ``odd`` [column * frequency, 2 * channel] are products
    of the input's columns 1 and 2, the final one, ``even`` those of 2 and 0; or of the final one
    only, which then stands for all three. As they are, columns go to the decoder's inputs, before
    its own channels: ``across`` [1 + frequency + 1, 3 or 4, width]. Normalised and rectified, they
    go to the next level's, if there is one: 1, 2 and 0 to ``below`` [3, padded frequency, channel].
    """
    _, frequencies, channels = slot.shape
    plane, (_, skips, width) = frequencies * channels, across.shape
    leak, has_next, column = spread(LEAK), below.size > 0, below.shape[1] * channels
    last = (odd.shape[0] - frequencies) * 2 * channels  # where the second column's products begin
    for f in range(frequencies):
        for c in range(0, channels, LANES):
            left, place, one_of = channels - c, f * channels + c, 2 * f * channels + c
            other, added = last + one_of, load(bias, c, left)
            one = load(slot, place, left)
            two = load(slot, plane + place, left)
            three = load(slot, 2 * plane + place, left)
            four = load(slot, 3 * plane + place, left)
            awaiting = load(first, place, left)
            awaiting_three = load(even, one_of, left) + two
            store(awaiting, slot, place, left)
            store(load(odd, other, left) + one, slot, plane + place, left)
            store(awaiting_three, slot, 2 * plane + place, left)
            store(load(odd, other + channels, left) + three, slot, 3 * plane + place, left)
            newest = awaiting + load(odd, one_of, left) + load(even, other, left)
            middle = awaiting_three + load(odd, one_of + channels, left)
            middle = middle + load(even, other + channels, left)
            oldest = load(even, one_of + channels, left) + four + added
            newest, middle = newest + added, middle + added
            skip = (f + 1) * skips * width + c
            store(newest, across, skip, left)
            store(middle, across, skip + width, left)
            store(oldest, across, skip + 2 * width, left)
            if has_next:
                by, beyond = load(scale, c, left), load(shift, c, left)
                newest, middle, oldest = (
                    newest * by + beyond,
                    middle * by + beyond,
                    oldest * by + beyond,
                )
                at = (f + 1) * channels + c
                store(larger(middle, leak * middle), below, at, left)
                store(larger(oldest, leak * oldest), below, column + at, left)
                store(larger(newest, leak * newest), below, 2 * column + at, left)


@kernel
def activate_final(
    column: FloatArray, scale: FloatArray, shift: FloatArray, final: LaneArray
) -> None:
    """Normalise and rectify one column [frequency, channel] into ``final`` [padded, channel]."""
    frequencies, channels = column.shape
    leak = spread(LEAK)
    for f in range(frequencies):
        for c in range(0, channels, LANES):
            left = channels - c
            value = load(column, f * channels + c, left) * load(scale, c, left)
            value = value + load(shift, c, left)
            store(larger(value, leak * value), final, (f + 1) * channels + c, left)


@kernel
def delay(delayed: LaneArray, across: LaneArray) -> None:
    """Place what was delayed, [frequency, channel], in column 3, and delay column 2.

    ``across`` [1 + frequency + 1, 4, width].
    """
    frequencies, channels = delayed.shape
    _, skips, width = across.shape
    for f in range(frequencies):
        for c in range(0, channels, LANES):
            left, place = channels - c, f * channels + c
            at = ((f + 1) * skips + 2) * width + c
            store(load(delayed, place, left), across, at + width, left)
            store(load(across, at, left), delayed, place, left)


@kernel
def interleave(
    product: FloatArray,
    older_product: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    above: LaneArray,
) -> None:
    """Deal a transposed convolution's products out to twice as many bins; rectify, normalise.

    ``product`` [frequency, column * tap * channel] (the first columns, five frequency taps, the
    bias in taps 1 and 2); ``older_product``, likewise, adds to the last columns. They go to the
    last channels of ``above`` [1 + 2 * frequency + 1, column, width].
    """
    apart = 5 * scale.shape[0]
    met_from = (product.shape[1] - older_product.shape[1]) // apart
    for r in range(product.shape[1] // apart):
        _interleave_column(product, older_product, r, r - met_from, scale, shift, above)


@kernel
def weave(
    even: FloatArray, odd: FloatArray, scale: FloatArray, shift: FloatArray, above: LaneArray
) -> None:
    """Rectify and normalise even and odd bins, [frequency, column * channel], where they belong.

    That is in the last channels of ``above`` [1 + 2 * frequency + 1, column, width].
    """
    channels, (frequencies, of_bin), (_, columns, width) = scale.shape[0], even.shape, above.shape
    zero, of_row = spread(np.float32(0.0)), columns * width
    for f in range(frequencies):
        for k in range(of_bin // channels):
            for c in range(0, channels, LANES):
                left, own = channels - c, f * of_bin + k * channels + c
                by, beyond = load(scale, c, left), load(shift, c, left)
                at = (2 * f + 1) * of_row + (k + 1) * width - channels + c
                store(larger(load(even, own, left), zero) * by + beyond, above, at, left)
                store(larger(load(odd, own, left), zero) * by + beyond, above, at + of_row, left)


@kernel
def _interleave_column(  # noqa: PLR0917 - Numba takes arrays by position
    product: FloatArray,
    added: FloatArray,
    column: int,
    added_column: int,
    scale: FloatArray,
    shift: FloatArray,
    above: LaneArray,
) -> None:
    """Deal a column out; to it adds one of ``added``, if that is not below 0."""
    channels, (frequencies, width), added_width = scale.shape[0], product.shape, added.shape[1]
    zero, is_met = spread(np.float32(0.0)), added_column >= 0
    of_row = above.shape[1] * above.shape[2]
    first = of_row + (column + 1) * above.shape[2] - channels
    for f in range(frequencies):
        for c in range(0, channels, LANES):
            left, own = channels - c, f * width + column * 5 * channels + c
            beside = f * added_width + added_column * 5 * channels + c
            even = load(product, own + channels, left)
            odd = load(product, own + 2 * channels, left)
            if is_met:
                even = even + load(added, beside + channels, left)
                odd = odd + load(added, beside + 2 * channels, left)
            if f > 0:
                to_even = load(product, own - width + 3 * channels, left)
                to_odd = load(product, own - width + 4 * channels, left)
                if is_met:
                    to_even = to_even + load(added, beside - added_width + 3 * channels, left)
                    to_odd = to_odd + load(added, beside - added_width + 4 * channels, left)
                even, odd = even + to_even, odd + to_odd
            if f + 1 < frequencies:
                to_odd = load(product, own + width, left)
                if is_met:
                    to_odd = to_odd + load(added, beside + added_width, left)
                odd = odd + to_odd
            by, beyond = load(scale, c, left), load(shift, c, left)
            at = 2 * f * of_row + first + c
            store(larger(even, zero) * by + beyond, above, at, left)
            store(larger(odd, zero) * by + beyond, above, at + of_row, left)


@kernel
def add_to_last(added: LaneArray, product: FloatArray) -> None:
    """Add to the last values of each row."""
    width, count = product.shape[1], added.shape[1]
    for f in range(product.shape[0]):
        for k in range(0, count, LANES):
            place = (f + 1) * width - count + k
            total = load(product, place, count - k) + load(added, f * count + k, count - k)
            store(total, product, place, count - k)


@kernel
def interleave_last(
    product: FloatArray, older_product: FloatArray, scale: float, shift: float, columns: FloatArray
) -> None:
    """Deal the last transposed convolution's products out, of one channel; rectify, normalise.

    ``product`` [frequency, column * tap] (columns 1 and 3), ``older_product`` likewise (3 and 5).
    ``columns`` [3, 3 + 2 * frequency + 3].
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


@kernel
def weave_last(
    even: FloatArray, odd: FloatArray, scale: float, shift: float, columns: FloatArray
) -> None:
    """Rectify and normalise the last transposed convolution's even and odd bins.

    Those are [frequency, column], of one channel; ``columns`` [column, 3 + 2 * frequency + 3].
    """
    for f in range(even.shape[0]):
        for r in range(columns.shape[0]):
            columns[r, 2 * f + 3] = max(even[f, r], np.float32(0.0)) * scale + shift
            columns[r, 2 * f + 4] = max(odd[f, r], np.float32(0.0)) * scale + shift


@kernel
def make_mask(columns: FloatArray, weight: FloatArray, bias: FloatArray, mask: FloatArray) -> None:
    """Make ``mask`` [channel, frequency]: a 4 x 4 convolution of dilation 2, with sigmoid.

    ``columns`` [3, 3 + frequency + 3], whose outer bins are zero, are 1, 3 and 5; ``weight``
    [channel, column, tap] likewise.
    """
    for channel in range(mask.shape[0]):
        _convolve_mask(columns, weight[channel], bias[channel], mask[channel])


@kernel
def masked(mask: FloatArray, spectra: ComplexArray) -> ComplexArray:
    """Apply ``mask`` [channel, known bin] to ``spectra`` [channel, bin], continued above it.

    See `bandwidth.widen_mask`.
    """
    bins, filtered = mask.shape[1], np.empty(spectra.shape, np.complex64)
    for channel in range(mask.shape[0]):
        above = np.float32(0.0)
        for f in range(bins):
            filtered[channel, f] = mask[channel, f] * spectra[channel, f]
        for f in range(bins - TOP_BINS, bins):
            above += mask[channel, f]
        above /= np.float32(TOP_BINS)
        for f in range(bins, spectra.shape[1]):
            filtered[channel, f] = above * spectra[channel, f]
    return filtered


@kernel
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


@kernel
def _convolve_mask(columns: FloatArray, weight: FloatArray, bias: float, mask: FloatArray) -> None:
    bins, (rows, width) = mask.shape[0], columns.shape
    for f in range(0, bins, LANES):
        value = spread(bias)
        for r in range(rows):
            for tap in range(weight.shape[1]):
                at = r * width + f + 2 * tap
                value = value + spread(weight[r, tap]) * load(columns, at, bins - f)
        store(logistic(value), mask, f, bins - f)
