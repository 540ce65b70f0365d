"""Laws of the streaming U-Net's state: causality, reach, rebuilding, silence, schedule."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unet_streams import (
    BINS,
    NEWEST,
    TINY,
    TINY_PACKED,
    WINDOW_COLUMNS,
    magnitudes,
    push_all,
    rerun,
    tiny_stream,
)

from dsp.networks import rocknet_hop_kernels
from dsp.networks.kept import Kept
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet import unet_mask

RELATIVE = 1e-5
COLUMN_SECONDS = 1024 / 44_100

schedules = st.sampled_from([(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (8, 4)])
grids = st.builds(
    lambda hops_per_column, schedule: HopGrid(hops_per_column, *schedule),
    st.sampled_from([1, 2, 4]),
    schedules,
)


def assert_same_state(one, other):
    assert one.hop_index == other.hop_index
    for a, b in zip(one.arrays(), other.arrays(), strict=True):
        assert np.abs(a - b).max() <= RELATIVE * np.abs(b).max()


@settings(deadline=None, max_examples=20)
@given(grid=grids, change=st.integers(0, 59))
def test_later_input_never_changes_earlier_masks(grid, change):
    stream = magnitudes(60)
    changed = stream.copy()
    changed[change] *= 3
    before = push_all(StreamingUNet(TINY_PACKED, grid), stream)
    after = push_all(StreamingUNet(TINY_PACKED, grid), changed)
    assert np.array_equal(before[:change], after[:change])
    assert not np.array_equal(before[change], after[change])


def measured_reach_columns():
    """The age of the oldest column that a NaN spreads from into the newest mask."""
    for age in range(WINDOW_COLUMNS + NEWEST, 0, -1):
        window = torch.zeros(1, 2, WINDOW_COLUMNS, BINS)
        window[:, :, WINDOW_COLUMNS + NEWEST - age] = torch.nan
        if unet_mask(TINY, window)[0, :, NEWEST].isnan().any():
            return age
    return 0


def test_receptive_field_is_measured_below_six_seconds():
    reach = measured_reach_columns()
    seconds = (reach + 1) * COLUMN_SECONDS + (4096 - 1024) / 44_100
    assert 5.0 < seconds < 6.0


def test_streaming_remembers_exactly_the_receptive_field():
    reach = measured_reach_columns()
    stream = magnitudes(reach + 40)
    loud = stream.copy()
    loud[20] = 1e6
    unet = tiny_stream(hops_per_column=1)
    quiet_masks = push_all(unet, stream)
    unet.reset()
    loud_masks = push_all(unet, loud)
    same = [np.array_equal(a, b) for a, b in zip(quiet_masks, loud_masks, strict=True)]
    assert not same[20 + reach]
    assert all(same[20 + reach + 1 :])


@settings(deadline=None, max_examples=20)
@given(grid=grids, at=st.integers(0, 50))
def test_restored_snapshot_goes_on_the_same(grid, at):
    stream = magnitudes(60)
    unet = StreamingUNet(TINY_PACKED, grid)
    push_all(unet, stream[: at + 1])
    saved = unet.snapshot()
    once = push_all(unet, stream[at + 1 :])
    unet.restore(saved)
    assert np.array_equal(push_all(unet, stream[at + 1 :]), once)
    unet.restore(saved)
    assert unet.hop_index == at + 1


@settings(deadline=None, max_examples=12)
@given(
    grid=grids,
    hops=st.one_of(st.integers(1, 40), st.integers(500, 520)),
    first=st.integers(0, 100),
)
def test_rebuilt_state_is_that_of_pushing(grid, hops, first):
    stream = magnitudes(hops, seed=hops)
    pushed, rebuilt = (StreamingUNet(TINY_PACKED, grid) for _ in range(2))
    pushed.reset(first)
    push_all(pushed, stream)
    push_all(rebuilt, stream[:7])  # what was there before must not matter
    rebuilt.rebuild(stream, first)
    assert_same_state(rebuilt.snapshot(), pushed.snapshot())
    coming = magnitudes(20, seed=1)
    assert np.abs(push_all(rebuilt, coming) - push_all(pushed, coming)).max() <= RELATIVE


def test_reset_forgets_everything():
    stream = magnitudes(30)
    unet = tiny_stream(2, 4)
    first = push_all(unet, stream)
    unet.reset()
    assert np.array_equal(push_all(unet, stream), first)


@pytest.mark.parametrize("schedule", [(1, 1), (4, 1), (4, 4)])
def test_silence_is_a_fixed_point(schedule):
    unet = tiny_stream(2, *schedule)
    unet.reset(3)
    before = unet.snapshot()
    masks = push_all(unet, np.zeros((20, 2, BINS), np.float32))
    assert np.isfinite(masks).all()
    assert np.abs(masks - masks[0]).max() <= RELATIVE
    unet._state.clock[0] = before.hop_index
    assert_same_state(unet.snapshot(), before)


def test_masks_stay_between_zero_and_one_for_any_finite_level():
    masks = push_all(tiny_stream(), 1e6 * magnitudes(20))
    assert np.isfinite(masks).all()
    assert masks.min() >= 0
    assert masks.max() <= 1


@pytest.mark.parametrize("deep_period", [2, 4, 8])
def test_deep_period_is_exact_where_it_refreshes(deep_period):
    stream = magnitudes(200)
    masks = push_all(tiny_stream(2, deep_period), stream)
    for hop_index in range(0, 200, deep_period):
        expected = rerun(TINY, stream, hop_index)
        assert np.abs(masks[hop_index] - expected).max() <= RELATIVE * expected.max()


def test_deep_period_holds_in_between():
    stream = magnitudes(8)
    masks = push_all(tiny_stream(2, 4), stream)
    exact = push_all(tiny_stream(2, 1), stream)
    off_grid = [t for t in range(8) if t % 4]
    assert all(np.abs(masks[t] - exact[t]).max() > 1e-4 for t in off_grid)


def test_deep_schedule_follows_the_absolute_hop_index():
    stream = magnitudes(40)
    for first in range(8):
        unet = tiny_stream(2, 4)
        unet.reset(first)
        exact = tiny_stream(2, 1)
        exact.reset(first)
        errors = np.abs(push_all(unet, stream) - push_all(exact, stream)).max(axis=(1, 2))
        on_grid = np.arange(first, first + 40) % 4 == 0
        assert errors[on_grid].max() <= RELATIVE
        assert errors[~on_grid].min() > RELATIVE


def mask_with(unet, held, frame):
    """The mask of a stream's next frame if that were held; no deep level runs."""
    before = unet.snapshot()
    unet.restore(before._replace(held=held))
    layers = unet.layers.parts
    shallow = layers._replace(plan=layers.plan._replace(end_step=layers.plan.first_step))
    mask = rocknet_hop_kernels.push(Kept(shallow), frame)
    unet.restore(before)
    return mask


@pytest.mark.parametrize("deep_hops", [2, 4])
def test_spread_refresh_is_the_refresh_at_once_heard_some_hops_later(deep_hops):
    """The mask of the stream that refreshes at once, had it held what the other one hears."""
    stream = magnitudes(100)
    at_once, spread = tiny_stream(2, 4), tiny_stream(2, 4, deep_hops)
    answers = {}
    for hop, frame in enumerate(stream):
        mask, heard = spread.push(frame), spread.grid.latest_heard(hop)
        if heard >= 0:
            assert np.abs(mask - mask_with(at_once, answers[heard], frame)).max() <= RELATIVE
        at_once.push(frame)
        answers[at_once.grid.latest_deep(hop)] = at_once.snapshot().held
