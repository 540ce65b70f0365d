"""What kernels do to whole arrays in lanes: copies, the exponential function and two of its kin.

Exact to a few units of the last place, and a kernel's own: a call of numpy's from Python finds its
code out of the cache once in a hop, and takes five times as long as its work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from dsp.networks.kernel_cache import kernel
from dsp.networks.lanes import LANES, larger, load, nearest, power_of_two, smaller, spread, store

if TYPE_CHECKING:
    from dsp.networks.lanes import LaneArray
    from dsp.separator import FloatArray

_LARGEST = np.float32(87.0)  # beyond it, e ** x leaves what 32 bits hold
_PER_TWO = np.float32(1.0 / math.log(2.0))
_LN_2_HIGH = np.float32(round(math.log(2.0) * 512) / 512)  # few bits: its multiples are exact
_LN_2_LOW = np.float32(math.log(2.0) - float(_LN_2_HIGH))
_ONE, _TWO = np.float32(1.0), np.float32(2.0)
_SERIES = tuple(np.float32(1.0 / math.factorial(k)) for k in range(7, -1, -1))


@njit(inline="always")
def exponential(x: Any) -> Any:
    """Return ``e ** x``, of at most 87 either way: a power of two times a power series' value."""
    x = larger(smaller(x, spread(_LARGEST)), spread(-_LARGEST))
    twos = nearest(x * spread(_PER_TWO))
    rest = x - twos * spread(_LN_2_HIGH) - twos * spread(_LN_2_LOW)
    total = spread(_SERIES[0])
    for k in range(1, len(_SERIES)):
        total = total * rest + spread(_SERIES[k])
    return total * power_of_two(twos)


@njit(inline="always")
def logistic(x: Any) -> Any:
    """Return ``1 / (1 + e ** -x)``."""
    one = spread(_ONE)
    return one / (one + exponential(spread(-_ONE) * x))


@njit(inline="always")
def hyperbolic_tangent(x: Any) -> Any:
    """Return ``1 - 2 / (e ** 2x + 1)``: near zero to a few units of the last place of one."""
    one = spread(_ONE)
    return one - spread(_TWO) / (exponential(x + x) + one)


@kernel
def to_logistic(values: FloatArray) -> None:
    """Replace ``values``, of any shape, by their logistic function."""
    for k in range(0, values.size, LANES):
        left = values.size - k
        store(logistic(load(values, k, left)), values, k, left)


@kernel
def to_hyperbolic_tangent(values: FloatArray) -> None:
    """Replace ``values``, of any shape, by their hyperbolic tangent."""
    for k in range(0, values.size, LANES):
        left = values.size - k
        store(hyperbolic_tangent(load(values, k, left)), values, k, left)


@kernel
def copy(values: LaneArray, target: LaneArray) -> None:
    """Copy as many values as ``target`` has, whatever their shapes."""
    for k in range(0, target.size, LANES):
        left = target.size - k
        store(load(values, k, left), target, k, left)
