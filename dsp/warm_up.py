"""Compiles every kernel before the first block needs one."""

from __future__ import annotations

from dsp import framing, overlap_add, resample


def warm_up() -> None:
    """Compile the Numba kernels of ``dsp`` that importing it has not, or load them."""
    framing.warm_up()
    overlap_add.warm_up()
    resample.warm_up()
