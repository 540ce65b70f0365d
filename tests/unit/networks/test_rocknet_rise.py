"""A decoder block gives the same, whether bins deal out or gather."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from dsp.networks import rocknet_hop_kernels, rocknet_packed
from dsp.networks.kept import Kept
from dsp.networks.linear import LinearKind
from dsp.networks.products import has_halves, in_floats
from dsp.networks.rocknet_grid import SPLIT_STAGE
from dsp.networks.unet_shape import LEVELS

SEEDS = st.integers(0, 2**16)
ARRAYS = ("weight", "bias", "scale", "shift")


@njit
def rise(kept, columns, above):
    rocknet_hop_kernels._rise(kept.parts, columns, above)


@njit
def rise_to_mask(kept, columns, above):
    rocknet_hop_kernels._rise_to_mask(kept.parts, columns, above)


def both_ways(stage, inputs, outputs, bins, seed):
    """Give a block of random weights, dealing out and gathering, and its input."""
    rng = np.random.default_rng(seed)
    shapes = {"weight": (inputs, outputs, 5, 5)}
    arrays = {
        f"decoder.{stage}.{name}": rng.standard_normal(shapes.get(name, outputs)).astype(np.float32)
        for name in ARRAYS
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rocknet_packed, "in_halves", in_floats)
        (dealing,) = rocknet_packed._pack_stage(arrays, stage, bins, LinearKind.FLOAT32)
        patch.setattr(rocknet_packed, "rows_type", lambda _: np.uint16)
        (gathering,) = rocknet_packed._pack_stage(arrays, stage, bins, LinearKind.FLOAT32)
    assert dealing.newer.inputs
    assert gathering.even.inputs
    columns = np.zeros((bins + 2, dealing.columns, inputs), np.float32)
    columns[1:-1] = rng.standard_normal(columns[1:-1].shape)
    return Kept(dealing), Kept(gathering), columns


@settings(deadline=None)
@given(
    stage=st.integers(SPLIT_STAGE + 1, LEVELS - 2),
    inputs=st.integers(1, 20),
    outputs=st.integers(1, 40),
    bins=st.integers(1, 9),
    seed=SEEDS,
)
def test_columns_of_the_block_above_are_the_same(stage, inputs, outputs, bins, seed):
    columns = 4 if stage == LEVELS - 2 else 3
    before = np.full((2 * bins + 2, columns, 3 + outputs), 7.0, np.float32)
    dealt, gathered = before.copy(), before.copy()
    dealing, gathering, inner = both_ways(stage, inputs, outputs, bins, seed)
    rise(dealing, inner, dealt)
    rise(gathering, inner, gathered)
    assert np.abs(dealt - gathered).max() <= 1e-5 * np.abs(dealt).max()
    for above in (dealt, gathered):  # nothing but its own channels was written
        assert np.all(above[:, :, :3] == 7.0)
        assert np.all(above[[0, -1]] == 7.0)


@settings(deadline=None)
@given(inputs=st.integers(1, 20), bins=st.integers(1, 9), seed=SEEDS)
def test_columns_of_the_mask_are_the_same(inputs, bins, seed):
    dealt, gathered = (np.zeros((3, 2 * bins + 6), np.float32) for _ in range(2))
    dealing, gathering, inner = both_ways(LEVELS - 1, inputs, 1, bins, seed)
    rise_to_mask(dealing, inner, dealt)
    rise_to_mask(gathering, inner, gathered)
    assert np.abs(dealt - gathered).max() <= 1e-5 * np.abs(dealt).max()
    assert not gathered[:, :3].any()
    assert not gathered[:, -3:].any()


@pytest.mark.parametrize("stage", range(LEVELS))
def test_upper_blocks_gather_where_their_products_are_in_bfloat16(stage):
    if not has_halves():
        pytest.skip("no AMX here")
    rng = np.random.default_rng(0)
    shapes = {"weight": (4, 3, 5, 5)}
    arrays = {f"decoder.{stage}.{name}": rng.random(shapes.get(name, 3)) for name in ARRAYS}
    for kind in LinearKind:
        for up in rocknet_packed._pack_stage(arrays, stage, 64, kind):
            gathers = kind is LinearKind.EIGHT_BITS and stage > SPLIT_STAGE
            assert (up.even.inputs > 0) == (up.odd.inputs > 0) == gathers
            assert (up.newer.inputs > 0) == (up.older.inputs > 0) != gathers
