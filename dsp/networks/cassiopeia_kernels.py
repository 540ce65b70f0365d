"""What lies between the matrix products of Cassiopeia's step, where it differs from Phoenix's.

Channels are pairs of a real and an imaginary part. Flat and allocation-free; most
run inside a hop's kernels (`phoenix_hop_kernels`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES, even_lanes, load, spread, store, where_positive

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.separator import FloatArray

LEAK = np.float32(0.2)


@kernel
def hear(
    spectra: ComplexArray, before: ComplexArray, scale: float, least: float, padded: FloatArray
) -> None:
    """Write what is heard of ``spectra`` [channel 2, bin] to ``padded`` [1 + bin + 2, 8].

    ``before`` [bin] is the middle's spectrum one step earlier; this one takes its place. See
    ``cassiopeia_trunk.features``.
    """
    by, small = np.float32(scale), np.float32(least)
    for f in range(padded.shape[0] - 3):
        left, right, row = spectra[0, f], spectra[1, f], padded[f + 1]
        size_left = np.sqrt(left.real * left.real + left.imag * left.imag)
        size_right = np.sqrt(right.real * right.real + right.imag * right.imag)
        row[0], row[2] = by * size_left, by * size_right
        between = by / (np.sqrt(size_left * size_right) + small)
        row[4] = between * (left.real * right.real + left.imag * right.imag)
        row[5] = between * (left.imag * right.real - left.real * right.imag)
        middle_real = np.float32(0.5) * (left.real + right.real)
        middle_imag = np.float32(0.5) * (left.imag + right.imag)
        # The bin's centre turns by a quarter for each bin: multiplied by 1, j, -1, -j.
        past = before[f]
        real, imag = past.real, past.imag
        if f & 1:
            real, imag = -imag, real
        if f & 2:
            real, imag = -real, -imag
        onwards = by / (np.sqrt(real * real + imag * imag) + small)
        row[6] = onwards * (middle_real * real + middle_imag * imag)
        row[7] = onwards * (middle_imag * real - middle_real * imag)
        before[f] = complex(middle_real, middle_imag)


@kernel
def pass_down(skip: FloatArray, padded: LaneArray) -> None:
    """Rectify ``skip`` [bin, channel] into the next level's input [1 + bin + 2, channel]."""
    channels, leak = skip.shape[1], spread(LEAK)
    for k in range(0, skip.size, LANES):
        left, value = skip.size - k, load(skip, k, skip.size - k)
        store(where_positive(even_lanes(value), value, leak * value), padded, channels + k, left)


@kernel
def pass_up(product: FloatArray, target: LaneArray, first: int, channel: int) -> None:
    """Rectify ``product`` [bin / 2, (even, odd) * channel] by real parts into ``target``.

    ``target`` [first + bin + ..., channels] gets it from channel number ``channel`` on.
    """
    channels, width, zero = product.shape[1] // 2, target.shape[1], spread(np.float32(0.0))
    for f in range(2 * product.shape[0]):
        for c in range(0, channels, LANES):
            left, value = channels - c, load(product, f * channels + c, channels - c)
            passed = where_positive(even_lanes(value), value, zero)
            store(passed, target, (first + f) * width + channel + c, left)
