"""Compiles every kernel before the first block needs one."""

from __future__ import annotations

from dsp import overlap_add, resample


def warm_up() -> None:
    """Compile the Numba kernels of ``dsp`` that importing it has not, or load them."""
    overlap_add.warm_up()
    resample.warm_up()
