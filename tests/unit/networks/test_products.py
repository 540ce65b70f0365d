"""Rows in groups give what each group's rows give, in every arithmetic, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.bfloat_products import DEPTH, convert, room_behind, zeros_with_room
from dsp.networks.products import has_bytes, has_halves, in_bytes, in_floats, in_halves, multiply

SIZES = st.integers(1, 40)

with_each_arithmetic = pytest.mark.parametrize(
    "arrange",
    [
        in_floats,
        pytest.param(in_halves, marks=pytest.mark.skipif(not has_halves(), reason="no AMX")),
        pytest.param(in_bytes, marks=pytest.mark.skipif(not has_bytes(), reason="no VNNI")),
    ],
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@with_each_arithmetic
@given(
    groups=st.integers(1, 3),
    rows=SIZES,
    step=SIZES,
    beyond=st.integers(0, 9),
    inputs=st.integers(1, 140),
    outputs=SIZES,
)
def test_each_group_is_multiplied_as_if_it_were_alone(  # noqa: PLR0917 - drawn by name
    arrange, groups, rows, step, beyond, inputs, outputs
):
    weights = arrange(random(outputs, inputs, seed=1), random(outputs, seed=2))
    apart = (rows - 1) * step + inputs + beyond
    values = random(groups * apart)
    together = multiply(weights, values, step, rows, groups, apart)
    alone = [multiply(weights, values[g * apart :], step, rows) for g in range(groups)]
    assert np.array_equal(together, np.concatenate(alone))


@with_each_arithmetic
@given(
    groups=st.integers(1, 3),
    rows=st.integers(1, 70),
    step=SIZES,
    inputs=st.integers(1, 140),
    outputs=SIZES,
)
def test_rows_in_bfloat16_give_what_the_same_floats_give(  # noqa: PLR0917 - drawn by name
    arrange, groups, rows, step, inputs, outputs
):
    weights = arrange(random(outputs, inputs, seed=1), random(outputs, seed=2))
    apart = (rows - 1) * step + inputs
    halves = zeros_with_room((groups, apart), np.uint16, step, rows)
    convert(random(halves.size), halves.size, halves.reshape(-1))
    floats = (halves.astype(np.uint32) << 16).view(np.float32)
    actual, expected = (
        multiply(weights, values.reshape(-1), step, rows, groups, apart)
        for values in (halves, floats)
    )
    assert np.array_equal(actual, expected)


def test_room_behind_the_last_row_is_there_and_empty():
    halves = zeros_with_room((3, 5), np.uint16, 5, 3)
    first = halves.ctypes.data - halves.base.ctypes.data + halves.nbytes
    room = halves.base[first:]
    assert len(room) >= 2 * room_behind(5, 3) == 2 * (29 * 5 + DEPTH)
    assert not room.any()


@with_each_arithmetic
def test_groups_may_overlap(arrange):
    weights, values = arrange(random(5, 12), None), random(40)
    together = multiply(weights, values, 3, 4, 2, 6)
    assert np.array_equal(together[4:6], together[2:4])
