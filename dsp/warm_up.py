"""Compiles every kernel before the first block needs one."""

from __future__ import annotations

from dsp import overlap_add, resample, sanitize


def warm_up() -> None:
    """Compile all Numba kernels of ``dsp``, or load them from the cache."""
    overlap_add.warm_up()
    resample.warm_up()
    sanitize.warm_up()
