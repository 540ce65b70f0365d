"""Which hop belongs to which column: the integer arithmetic of the streaming U-Net.

Columns of the network's input are ``hops_per_column`` hops apart, those of each level down twice as
far. A mask is computed at every hop, so the hops between columns are interleaved phases. Levels
count from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp.networks.unet_shape import LEVELS

FIRST_DEEP_LEVEL = 4
"""This level and the next, and the two up-blocks above them, run at the deep period."""

SPLIT_STAGE = LEVELS - FIRST_DEEP_LEVEL
"""The up-block (from 0) whose input from the deep levels may be held: it has its own product."""

DEEP_STEPS = 4
"""Each of those levels and up-blocks is a step of its own."""

KERNEL_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class HopGrid:
    """Column spacing, every how many hops the deep levels are computed, and over how many.

    A refresh of the deep levels hears the hop it begins at, and is heard from the last of its
    ``deep_hops`` on.

    Raises ValueError unless 1, 2 or 4 hops per column, a deep period that is a power of two up to
    16 (the deep levels' spacings are multiples of those), and 1, 2 or 4 deep hops within it.
    """

    hops_per_column: int = 2
    deep_period: int = 1
    deep_hops: int = 1

    def __post_init__(self) -> None:
        if self.hops_per_column not in {1, 2, 4} or self.deep_period not in {1, 2, 4, 8, 16}:
            raise ValueError(
                f"{self.hops_per_column} hops per column, deep period {self.deep_period}: "
                "1, 2 or 4, and a power of two up to 16, expected"
            )
        if self.deep_hops not in {1, 2, DEEP_STEPS} or self.deep_hops > self.deep_period:
            raise ValueError(
                f"{self.deep_hops} deep hops: 1, 2 or 4 expected, within a period of "
                f"{self.deep_period}"
            )

    def spacing_hops(self, level: int) -> int:
        """Return how far apart the input columns of a level are."""
        return self.hops_per_column << level

    def period_hops(self, level: int) -> int:
        """Return every how many hops a level is computed."""
        return self.deep_period if level >= FIRST_DEEP_LEVEL else 1

    def slots(self, level: int) -> int:
        """Return how many phases a level has, each with its own sums."""
        return self.spacing_hops(level) // self.period_hops(level)

    def slot(self, level: int, hop_index: int) -> int:
        """Return the phase that a hop belongs to, at a level that is computed at this hop."""
        return hop_index // self.period_hops(level) % self.slots(level)

    @property
    def delayed_slots(self) -> int:
        """For how many hops level 0's final column is kept until it is column 3."""
        return 2 * self.hops_per_column

    def is_deep(self, hop_index: int) -> bool:
        """Whether a refresh of the deep levels begins at a hop."""
        return hop_index % self.deep_period == 0

    def latest_deep(self, hop_index: int) -> int:
        """Return the last hop, up to this one, at which a refresh of the deep levels begins."""
        return hop_index - hop_index % self.deep_period

    def latest_heard(self, hop_index: int) -> int:
        """Return where the refresh began that the mask of a hop hears."""
        return self.latest_deep(hop_index + 1 - self.deep_hops)

    def steps_until(self, hop_index: int) -> int:
        """Return how many steps of the latest refresh must be taken before a hop's mask."""
        hops_since = hop_index % self.deep_period + 1
        if hops_since >= self.deep_hops:
            return DEEP_STEPS
        return DEEP_STEPS // self.deep_hops * hops_since

    def horizon_hops(self, level: int, last_level: int) -> int:
        """Return how many of the newest hops' inputs at ``level`` the sums at ``last_level`` hold.

        Sums reach four columns back, and every level between adds its own kernel.
        """
        spacings = (self.spacing_hops(k) for k in range(level, last_level + 1))
        return (KERNEL_COLUMNS - 1) * sum(spacings)

    def is_remembered(self, level: int, hop_index: int, end: int) -> bool:
        """Whether sums as they are before hop ``end`` depend on a level's input at an earlier hop.

        All phases of the levels above the deep ones, but only those of the deep period below.
        """
        age = end - hop_index
        if level < FIRST_DEEP_LEVEL and age <= self.horizon_hops(level, FIRST_DEEP_LEVEL - 1):
            return True
        step = min(self.deep_period, self.spacing_hops(level))
        return hop_index % step == 0 and age <= self.horizon_hops(level, LEVELS - 1)
