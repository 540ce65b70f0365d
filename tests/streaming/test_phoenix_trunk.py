"""Phoenix's trunk: streaming equals offline, nothing looks ahead, finer hops interleave."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.phoenix_shape import BINS, TrunkConfig
from dsp.networks.phoenix_trunk import PhoenixTrunk

FRAMES = 40
SMALL = TrunkConfig(widths=(2, 3, 4, 4, 5, 6))
partitions = st.lists(st.integers(1, 17), min_size=1, max_size=FRAMES)


def make_trunk(config=SMALL, frames_per_step=1):
    torch.manual_seed(3)
    return PhoenixTrunk(config, frames_per_step).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def magnitudes():
    return torch.rand(1, 2, FRAMES, BINS, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", params=[1, 2])
def trunk(request):
    return make_trunk(frames_per_step=request.param)


def pushed(trunk, magnitudes, sizes, first_frame=0):
    state = trunk.initial_state(frame=first_frame)
    out, start = [], 0
    for size in [*sizes, magnitudes.shape[2]]:
        block = magnitudes[:, :, start : start + size]
        if block.shape[2]:
            out.append(trunk(block, state))
        start += size
    return torch.cat(out, dim=2)


@settings(max_examples=20, deadline=None)
@given(sizes=partitions)
def test_streaming_equals_offline_for_every_partition(trunk, magnitudes, sizes):
    offline = pushed(trunk, magnitudes, [])
    torch.testing.assert_close(pushed(trunk, magnitudes, sizes), offline, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frame", [0, 7, 8, 23, FRAMES - 1])
def test_later_frames_never_change_earlier_logits(trunk, magnitudes, frame):
    changed = magnitudes.clone()
    changed[:, :, frame:] += 1.0
    before, after = pushed(trunk, magnitudes, []), pushed(trunk, changed, [])
    assert torch.equal(before[:, :, :frame], after[:, :, :frame])
    assert not torch.equal(before[:, :, frame:], after[:, :, frame:])


def test_the_past_is_heard_for_as_long_as_the_dilations_say(magnitudes):
    config = TrunkConfig(widths=SMALL.widths, ticks=(1,) * 6)
    trunk = make_trunk(config)
    frames = 140
    quiet = torch.zeros(1, 2, frames, BINS)
    loud = quiet.clone()
    loud[:, :, 0] = 10.0 * magnitudes[:, :, 0]
    different = (pushed(trunk, loud, []) - pushed(trunk, quiet, [])).abs().amax(dim=(0, 1, 3))
    # Two taps back at dilations 1 to 32, then three frames in the mask's own convolution.
    reach = 2 * (2**6 - 1) + 3
    assert not different[reach + 1 :].any()
    assert different[: reach + 1].any()


def test_a_finer_hop_runs_the_same_weights_on_interleaved_grids(magnitudes):
    no_holding = TrunkConfig(widths=SMALL.widths, ticks=(1,) * 6)
    coarse, fine = make_trunk(no_holding), make_trunk(no_holding, frames_per_step=2)
    fine.load_state_dict(coarse.state_dict())
    both = pushed(fine, magnitudes, [])
    for phase in (0, 1):
        expected = pushed(coarse, magnitudes[:, :, phase::2], [])
        torch.testing.assert_close(both[:, :, phase::2], expected, rtol=1e-5, atol=1e-5)


def test_a_finer_hop_ticks_as_often_per_second(magnitudes):
    coarse, fine = make_trunk(), make_trunk(frames_per_step=2)
    fine.load_state_dict(coarse.state_dict())
    even = pushed(fine, magnitudes, [])[:, :, ::2]
    torch.testing.assert_close(
        even, pushed(coarse, magnitudes[:, :, ::2], []), rtol=1e-5, atol=1e-5
    )


def test_ticks_keep_to_the_grid_of_the_stream_that_began_elsewhere(magnitudes):
    trunk = make_trunk()
    silence = torch.zeros(1, 2, 3, BINS)
    late = torch.cat([silence, magnitudes], dim=2)
    # Memory of the silence differs from having none: biases answer it. Positions of ticks do not.
    ticks = [trunk.initial_state(frame=frame).levels[2].until_tick for frame in (0, 3, 4, 5)]
    assert ticks == [0, 1, 0, 3]
    assert pushed(trunk, late, []).shape[2] == late.shape[2]


@pytest.mark.parametrize("frame", range(1, 17))
def test_every_level_is_in_step_with_a_stream_that_began_at_zero(magnitudes, frame):
    trunk = make_trunk()
    state = trunk.initial_state()
    trunk(magnitudes[:, :, :frame], state)
    expected = [level.until_tick for level in state.levels]
    assert [level.until_tick for level in trunk.initial_state(frame=frame).levels] == expected
