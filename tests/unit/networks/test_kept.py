"""What is kept for a kernel is the caller's own, and lives as long as it is kept.

Of the networks' own types: Numba's cache, which all processes share, remembers every type it saw.
"""

import gc
import weakref

import numpy as np
from numba import njit

from dsp.networks.kept import Kept
from dsp.networks.phoenix_hop_kernels import Head
from dsp.networks.products import in_floats


def head(*values):
    return Head(*(in_floats(np.full((1, 1), value, np.float32), None) for value in values))


@njit
def weighted_sum(kept):
    layers = kept.parts
    near, far = layers.near.kept.parts.floats, layers.far.kept.parts.floats
    return near.sum() + 10 * far.sum() + layers.matrix.outputs


@njit
def double(kept):
    kept.parts.far.kept.parts.floats[:] *= 2


def test_a_kernel_reads_what_python_does():
    kept = Kept(head(1, 2, 3))
    assert weighted_sum(kept) == weighted_sum.py_func(kept) == 22


def test_arrays_are_shared_both_ways():
    layers = head(1, 2, 3)
    kept = Kept(layers)
    double(kept)
    assert layers.far.arranged.floats.sum() == 4
    layers.near.arranged.floats[:] = 0
    assert weighted_sum(kept) == 41


def test_arrays_live_as_long_as_they_are_kept_and_no_longer():
    layers = head(1, 2, 3)
    kept, array = Kept(layers), weakref.ref(layers.near.arranged.floats)
    del layers
    gc.collect()
    assert array() is not None
    assert weighted_sum(kept) == 22
    del kept
    gc.collect()
    assert array() is None
