"""A stream's sums from its history at once: dense products over many hops, no edges, no masks.

Only final columns are remembered, so the edges and the way up are left out, and every level takes
in only the hops that the sums still depend on. Every row is multiplied and activated as it is when
it is pushed, to the last bit: eight bits would make a step of a rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dsp.networks import phoenix_kernels
from dsp.networks import rocknet_kernels as kernels
from dsp.networks.bfloat_products import zeros_with_room
from dsp.networks.lane_functions import copy
from dsp.networks.products import multiply
from dsp.networks.rocknet_hop_kernels import PADDING, STRIDE
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsp.networks.lanes import LaneArray
    from dsp.networks.phoenix_kernels import ComplexArray
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_hop_kernels import Down
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.networks.rocknet_state import UNetState
    from dsp.separator import FloatArray

CHUNK_HOPS = 32
"""Enough rows for products at full speed; more would only take memory."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some hops and a level's final input columns at each of them, [hop, padded bin, channel]."""

    hops: Sequence[int]
    columns: LaneArray


def magnitudes_of(heard: ComplexArray, bins: int) -> FloatArray:
    """Return magnitudes of the first bins of [hop, channel, bin], as a hop's kernel finds them."""
    magnitudes = np.empty((*heard.shape[:2], bins), np.float32)
    for frame, found in zip(heard, magnitudes, strict=True):
        found[:] = phoenix_kernels.magnitudes_of(frame, bins)
    return magnitudes


def advance_sums(
    packed: PackedUNet, grid: HopGrid, state: UNetState, magnitudes: FloatArray
) -> None:
    """Take in magnitudes [hop, channel, bin] from ``state.hop_index`` on, as if they were pushed.

    What was held from the deep levels is not renewed.
    """
    start = state.hop_index
    end = start + magnitudes.shape[0]
    remembered = [t for t in range(start, end) if grid.is_remembered(0, t, end)]
    for hops in _chunks(remembered):
        padded = np.zeros((len(hops), packed.bins + PADDING, packed.channels[0]), np.float32)
        padded[:, 1:-2] = magnitudes[np.array(hops) - start].transpose(0, 2, 1)
        columns = np.empty(padded.shape, packed.columns_as)
        copy(padded, columns)
        _advance_chunk(packed, grid, state, _Chunk(hops, columns), end)
    state.clock[0] = end


def _chunks(hops: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(hops), CHUNK_HOPS):
        yield hops[first : first + CHUNK_HOPS]


def _advance_chunk(
    packed: PackedUNet, grid: HopGrid, state: UNetState, chunk: _Chunk, end: int
) -> None:
    """Pass some hops' final columns down all levels."""
    blocks = packed.blocks.parts
    for level, down in enumerate(kept.parts for kept in (*blocks.downs, *blocks.deep_downs)):
        sums = [state.sums_at(grid, level, t) for t in chunk.hops]
        finals = _convolve(down, chunk.columns, sums)
        if level == 0:
            _delay(finals, [state.delayed_at(t) for t in chunk.hops])
        if level + 1 == LEVELS:
            return
        kept = [i for i, t in enumerate(chunk.hops) if grid.is_remembered(level + 1, t, end)]
        if not kept:
            return
        columns = _activate(down, finals[kept], packed.columns_as)
        chunk = _Chunk([chunk.hops[i] for i in kept], columns)


def _convolve(down: Down, columns: LaneArray, sums: Sequence[LaneArray]) -> FloatArray:
    """Return the final columns that some input columns complete, [hop, bin / 2, channel]."""
    count, padded_bins, width = columns.shape
    bins = padded_bins - PADDING
    flat = columns.reshape(count, padded_bins * width)
    row_count, step = count * bins // 2, 5 * width
    rows = zeros_with_room((row_count, step), columns.dtype.type, step, row_count)
    # A copy: rows of one hop overlap, those of several do not.
    rows[:] = sliding_window_view(flat, step, axis=1)[:, :: STRIDE * width].reshape(rows.shape)
    of_taps = (
        multiply(taps, rows.reshape(-1), step, row_count).reshape(count, bins // 2, -1)
        for taps in (down.first, down.odd, down.even)
    )
    finals = np.empty((count, bins // 2, down.bias.shape[0]), np.float32)
    for first, odd, even, one, final in zip(*of_taps, sums, finals, strict=True):
        kernels.advance(first, odd, even, one, down.bias, final)
    return finals


def _delay(finals: FloatArray, delayed: Sequence[LaneArray]) -> None:
    """Keep level 0's final columns until they are column 3."""
    for final, kept in zip(finals, delayed, strict=True):
        copy(final, kept)


def _activate(down: Down, finals: FloatArray, kind: type[np.generic]) -> LaneArray:
    """Give the next level's final input columns, [hop, padded bin, channel]."""
    count, bins, width = finals.shape
    columns: LaneArray = np.zeros((count, bins + PADDING, width), kind)
    for final, column in zip(finals, columns, strict=True):
        kernels.activate_final(final, down.scale, down.shift, column)
    return columns
