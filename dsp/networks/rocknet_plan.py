"""What the streaming U-Net does at each hop, as its kernel reads it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.rocknet_grid import DEEP_STEPS, FIRST_DEEP_LEVEL
from dsp.networks.rocknet_hop_kernels import Plan
from dsp.networks.unet_shape import LEVELS

if TYPE_CHECKING:
    from dsp.networks.rocknet_grid import HopGrid


@cache
def make_plan(grid: HopGrid) -> Plan:
    """Make the plan of a cycle of hops; streams on one grid share it."""
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
