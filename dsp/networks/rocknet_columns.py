"""The columns of one stream through the U-Net: where each level and block finds its inputs.

Weights are shared between streams, sums are part of a stream's state; the rest is overwritten at
every hop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks import aligned
from dsp.networks.bfloat_products import zeros_with_room
from dsp.networks.kept import Kept
from dsp.networks.rocknet_grid import DEEP_STEPS, FIRST_DEEP_LEVEL
from dsp.networks.rocknet_hop_kernels import BESIDE, PADDING, STRIDE, Down, Mask, Plan, UNet, Up
from dsp.networks.rocknet_packed import SPLIT_STAGE
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsp.networks.lanes import LaneArray
    from dsp.networks.rocknet_grid import HopGrid
    from dsp.networks.rocknet_packed import PackedUNet
    from dsp.networks.rocknet_state import Held


def make_downs(
    packed: PackedUNet, sums: list[LaneArray], skips: Sequence[Kept[Up]]
) -> list[Kept[Down]]:
    """Make the encoder's levels; ``sums`` are theirs, ``skips`` the blocks across, first to last.

    Sums are [slot, 4, bin / 2, out].
    """
    downs: list[Kept[Down]] = []
    below: LaneArray = np.zeros((0, 0, 0), packed.columns_as)
    for level in reversed(range(LEVELS)):
        downs.insert(0, _make_down(packed, level, sums[level], skips[level].parts, below))
        below = downs[0].parts.columns
    return downs


def _make_down(
    packed: PackedUNet, level: int, sums: LaneArray, skip: Up, below: LaneArray
) -> Kept[Down]:
    shared, bins, inputs = packed.downs[level], packed.bins >> level, packed.channels[level]
    shape = (3 if level > 0 else 1, bins + PADDING, inputs)
    down = Down(
        shared.first,
        shared.odd,
        shared.even,
        shared.bias,
        shared.scale,
        shared.shift,
        zeros_with_room(shape, packed.columns_as, STRIDE * inputs, bins // STRIDE),
        sums,
        skip.columns,
        below,
    )
    return Kept(down)


def make_ups(packed: PackedUNet, stage: int) -> list[Kept[Up]]:
    """Make a decoder block's inputs: joined, or skip and what comes from above apart."""
    bins = packed.bins >> (LEVELS - stage)
    skip_channels = packed.channels[LEVELS - stage]
    joined = stage not in {0, SPLIT_STAGE}
    channels = 2 * skip_channels if joined else skip_channels
    return [
        Kept(
            Up(
                one.newer,
                one.older,
                one.even,
                one.odd,
                zeros_with_room(
                    (bins + 2 * BESIDE, one.columns, channels),
                    packed.columns_as,
                    one.columns * channels,
                    bins,
                ),
                *packed.up_affines[stage],
            )
        )
        for one in packed.ups[stage]
    ]


def make_mask(packed: PackedUNet) -> Mask:
    """Make the mask's layer."""
    columns = aligned.zeros((3, packed.bins + 6), np.float32)
    return Mask(packed.mask_weight, packed.mask_bias, columns)


def empty_sums(packed: PackedUNet, grid: HopGrid) -> list[LaneArray]:
    """Allocate a state's sums."""
    bins, channels = packed.bins, packed.channels
    shapes = [(4, bins >> (k + 1), channels[k + 1]) for k in range(LEVELS)]
    return [
        aligned.zeros((grid.slots(k), *shape), packed.kept_as) for k, shape in enumerate(shapes)
    ]


def empty_held(packed: PackedUNet) -> Held:
    """Allocate what is held from the deep levels."""
    rows, width = packed.bins >> 4, packed.channels[3]
    newer, older = (aligned.zeros((rows, taps * width), packed.kept_as) for taps in (15, 5))
    return newer, older


def empty_delayed(packed: PackedUNet, grid: HopGrid) -> LaneArray:
    """Allocate level 0's delayed columns."""
    return aligned.zeros((grid.delayed_slots, packed.bins >> 1, packed.channels[1]), packed.kept_as)


def make_plan(grid: HopGrid) -> Plan:
    """Make the plan of a cycle of hops."""
    hops = range(grid.spacing_hops(LEVELS - 1))
    slots = [
        [
            grid.slot(level, grid.latest_deep(hop) if level >= FIRST_DEEP_LEVEL else hop)
            for level in range(LEVELS)
        ]
        for hop in hops
    ]
    return Plan(
        np.array(slots),
        np.array([hop % grid.delayed_slots for hop in hops]),
        np.array([0 if grid.is_deep(hop) else grid.steps_until(hop - 1) for hop in hops]),
        np.array([grid.steps_until(hop) for hop in hops]),
    )


def settling_plan() -> Plan:
    """Make one that does everything at every hop, all in the same slots."""
    once = np.zeros(1, np.int64)
    return Plan(np.zeros((1, LEVELS), np.int64), once, once, np.array([DEEP_STEPS]))


def left_for_later_steps(unet: UNet) -> tuple[LaneArray, ...]:
    """Return the buffers through which the deep levels' steps hand on what they found."""
    deepest, ups = unet.deep_downs[-1].parts, [up.parts for up in unet.deep_ups[:-1]]
    return (deepest.columns, *(up.columns for up in ups))
