"""Arrays begin where a line of the cache does, and are otherwise like any others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from dsp.networks import aligned

KINDS = [np.float32, np.complex64, np.uint16, np.uint8, np.int32]
SHAPES = st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple)

of_each_kind = pytest.mark.parametrize("kind", KINDS)


def begins_a_line(array):
    return not array.size or array.ctypes.data % aligned.LINE_BYTES == 0


@of_each_kind
@given(shape=SHAPES)
def test_zeros_are_zeros_and_may_be_written(kind, shape):
    zeros = aligned.zeros(shape, kind)
    assert begins_a_line(zeros)
    assert zeros.dtype == kind
    assert zeros.flags.c_contiguous
    assert np.array_equal(zeros, np.zeros(shape, kind))
    zeros[...] = 3
    assert np.array_equal(zeros, np.full(shape, 3, kind))


@of_each_kind
@given(shape=SHAPES)
def test_a_copy_has_the_values_in_the_order_of_its_shape(kind, shape):
    values = np.arange(np.prod(shape)).astype(kind).reshape(shape)
    copy = aligned.copied(values.T)
    assert begins_a_line(copy)
    assert copy.flags.c_contiguous
    assert np.array_equal(copy, values.T)
    assert not np.shares_memory(copy, values)


@njit
def filled(count, kind):
    made = aligned.empty(count, kind)
    for k in range(count):
        made[k] = k
    return made


@of_each_kind
@given(count=st.integers(0, 100))
def test_a_kernels_array_is_its_own(kind, count):
    first, second = filled(count, kind), filled(count, kind)
    assert begins_a_line(first)
    assert begins_a_line(second)
    assert first.dtype == kind
    second[:] = 0
    assert np.array_equal(first, np.arange(count).astype(kind))
