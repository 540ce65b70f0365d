"""Cassiopeia's trunk: streaming equals offline, one second of context, no common phase heard."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.cassiopeia_trunk import CONFIG, CassiopeiaTrunk, centre_turns, features
from dsp.networks.phoenix_shape import BINS, STEP_SAMPLES, TrunkConfig
from dsp.networks.phoenix_trunk import PhoenixTrunk

FRAMES = 40
SMALL = replace(CONFIG.trunk, widths=(4, 4, 6, 6, 8, 8), answer_width=4)
REACH = 2 * (1 + 2 + 4 + 4 + 4 + 4) + 3  # two taps back at each dilation, three frames at the mask
partitions = st.lists(st.integers(1, 17), min_size=1, max_size=FRAMES)


def make_trunk(frames_per_step=1):
    torch.manual_seed(3)
    trunk = CassiopeiaTrunk(SMALL, frames_per_step).eval().requires_grad_(requires_grad=False)
    for level in trunk.stack:
        torch.nn.init.normal_(level.down.bias, std=0.1)
    return trunk


def noise(frames=FRAMES, seed=1):
    parts = torch.randn(1, 2, frames, BINS, 2, generator=torch.Generator().manual_seed(seed))
    return torch.view_as_complex(parts)


@pytest.fixture(scope="module")
def heard():
    return noise()


@pytest.fixture(scope="module", params=[1, 2])
def trunk(request):
    return make_trunk(request.param)


def pushed(trunk, heard, sizes=()):
    state, out, start = trunk.initial_state(), [], 0
    for size in [*sizes, heard.shape[2]]:
        if start < heard.shape[2]:
            out.append(trunk(heard[:, :, start : start + size], state))
        start += size
    return torch.cat(out, dim=2)


@settings(max_examples=20, deadline=None)
@given(sizes=partitions)
def test_streaming_equals_offline_for_every_partition(trunk, heard, sizes):
    torch.testing.assert_close(
        pushed(trunk, heard, sizes), pushed(trunk, heard), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("frame", [0, 7, 23, FRAMES - 1])
def test_later_frames_never_change_earlier_logits(trunk, heard, frame):
    changed = heard.clone()
    changed[:, :, frame:] *= 2.0j
    changed[:, 0, frame:] += 1.0
    before, after = pushed(trunk, heard), pushed(trunk, changed)
    assert torch.equal(before[:, :, :frame], after[:, :, :frame])
    assert not torch.equal(before[:, :, frame:], after[:, :, frame:])


def test_context_is_one_second_and_no_more():
    trunk = make_trunk()
    quiet, loud = noise(60), noise(60)
    loud[:, :, 0] *= 3.0
    different = (pushed(trunk, loud) - pushed(trunk, quiet)).abs().amax(dim=(0, 1, 3))
    # The frame after the changed one compares its phase with it.
    last = int(torch.nonzero(different).max())
    assert REACH <= last <= REACH + 1
    seconds = ((last + 1) * STEP_SAMPLES + 4096) / 44100
    assert 0.9 < seconds < 1.15


@settings(max_examples=10, deadline=None)
@given(turn=st.floats(-np.pi, np.pi))
def test_a_phase_common_to_all_is_not_heard(turn):
    trunk, heard = make_trunk(), noise(12)
    turned = heard * torch.exp(torch.tensor(1j * turn))
    torch.testing.assert_close(pushed(trunk, turned), pushed(trunk, heard), rtol=1e-4, atol=1e-4)


def test_a_finer_hop_runs_the_same_weights_on_interleaved_grids(heard):
    coarse, fine = make_trunk(), make_trunk(frames_per_step=2)
    fine.load_state_dict(coarse.state_dict())
    both = pushed(fine, heard)
    for phase in (0, 1):
        expected = pushed(coarse, heard[:, :, phase::2])
        torch.testing.assert_close(both[:, :, phase::2], expected, rtol=1e-5, atol=1e-5)


def test_a_state_of_another_trunk_is_refused(heard):
    other = PhoenixTrunk(TrunkConfig(widths=(2, 2, 2, 2, 2, 2))).initial_state()
    with pytest.raises(TypeError, match="CassiopeiaState"):
        make_trunk()(heard, other)


def tone(hz, frames=6, gain_right=1.0, turn_right=0.0):
    """Spectra [1, 2, frame, bin] of a tone, by frames one step apart."""
    n = np.arange(4096 + frames * STEP_SAMPLES)
    both = np.stack([np.cos(2 * np.pi * hz * n / 44100 - shift) for shift in (0.0, turn_right)])
    both[1] *= gain_right
    window = np.hanning(4096)
    starts = range(0, frames * STEP_SAMPLES, STEP_SAMPLES)
    spectra = np.stack([np.fft.rfft(both[:, s : s + 4096] * window) for s in starts], axis=1)
    return torch.from_numpy(spectra[None, ..., :BINS].astype(np.complex64))


def numbers_of(heard):
    middle = 0.5 * (heard[:, 0] + heard[:, 1])
    x = features(heard[:, :, 1:], middle[:, 1:], middle[:, :-1])
    return torch.view_as_complex(x.unflatten(1, (4, 2)).movedim(2, -1).contiguous())


@pytest.mark.parametrize("offset_bins", [-0.4, 0.0, 0.25])
def test_the_turn_of_a_tone_says_where_in_its_bin_it_lies(offset_bins):
    at = 200
    onwards = numbers_of(tone((at + offset_bins) * 44100 / 4096))[0, 3, :, at]
    expected = 2 * np.pi * offset_bins * STEP_SAMPLES / 4096
    np.testing.assert_allclose(onwards.angle(), expected, atol=1e-3)


def test_what_differs_between_the_channels_is_heard():
    heard = tone(200 * 44100 / 4096, gain_right=0.25, turn_right=0.7)
    left, right, across, _ = numbers_of(heard)[0, :, :, 200]
    torch.testing.assert_close(left.real, heard[0, 0, 1:, 200].abs())
    torch.testing.assert_close(right.real, 0.25 * left.real, rtol=1e-3, atol=1e-3)
    assert not left.imag.any()
    torch.testing.assert_close(across.abs(), 0.5 * left.real, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(across.angle(), 0.7, atol=1e-3)


def test_silence_is_heard_as_silence():
    assert not features(torch.zeros(1, 2, 3, BINS) + 0j, *torch.zeros(2, 1, 3, BINS) + 0j).any()


def test_a_centre_turns_by_a_quarter_a_bin():
    expected = torch.exp(2j * torch.pi * torch.arange(10) * STEP_SAMPLES / 4096)
    torch.testing.assert_close(centre_turns(10), expected.to(torch.complex64), atol=1e-6, rtol=0)
