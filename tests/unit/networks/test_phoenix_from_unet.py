"""The open U-Net's weights as the trunk's starting point."""

import pytest
import torch

from dsp.networks.causal_conv import UpConv, bin_phases
from dsp.networks.phoenix_from_unet import fold_unet_into_trunk
from dsp.networks.phoenix_shape import BINS, USUAL_MAGNITUDE, TrunkConfig
from dsp.networks.phoenix_trunk import PhoenixTrunk
from dsp.networks.unet import unet_mask
from dsp.networks.unet_weights import untrained_weights

WIDTHS = (3, 4, 4, 5, 5, 6)
STEADY_FRAMES = 320


def folded(weights, ticks=(1, 1, 4, 4, 8, 8), taps=(3,) * 6):
    trunk = PhoenixTrunk(TrunkConfig(widths=WIDTHS, ticks=ticks, time_taps=taps))
    fold_unet_into_trunk(weights, trunk)
    return trunk.eval().requires_grad_(requires_grad=False)


def mask_of(trunk, magnitudes):
    return torch.sigmoid(trunk(magnitudes, trunk.initial_state()))


@pytest.fixture(scope="module")
def steady():
    """A sound that never changes: past, present and future are alike."""
    frame = torch.rand(1, 2, 1, BINS, generator=torch.Generator().manual_seed(2))
    return frame.expand(1, 2, STEADY_FRAMES, BINS)


def test_encoders_agree_where_past_and_future_sound_like_the_present(steady):
    weights = untrained_weights(WIDTHS, seed=5)
    trunk = folded(weights)
    skip, _ = trunk.stack[0].down(steady / USUAL_MAGNITUDE, None)
    block = weights.encoder[0]
    padded = torch.nn.functional.pad(steady, (1, 2, 1, 2))
    raw = torch.nn.functional.conv2d(padded, block.weight, block.bias, stride=2)
    expected = raw * block.scale[:, None, None] + block.shift[:, None, None]
    torch.testing.assert_close(skip[:, :, 100], expected[:, :, 50], rtol=1e-4, atol=1e-4)


def test_a_steady_sound_gets_nearly_the_mask_of_the_u_net(steady):
    weights = untrained_weights(WIDTHS, seed=5)
    mine = mask_of(folded(weights), steady)[0, :, -1]
    theirs = unet_mask(weights, steady)[0, :, STEADY_FRAMES // 2]
    wrong = (mine - theirs).abs().mean()
    unrelated = (theirs - unet_mask(untrained_weights(WIDTHS, seed=6), steady)[0, :, 160]).abs()
    assert wrong < 0.5 * unrelated.mean()


def test_time_taps_beyond_the_u_nets_own_change_nothing_at_first(steady):
    weights = untrained_weights(WIDTHS, seed=5)
    short, long = folded(weights), folded(weights, taps=(3, 3, 3, 5, 5, 5))
    torch.testing.assert_close(mask_of(short, steady), mask_of(long, steady))


def test_other_widths_are_refused():
    trunk = PhoenixTrunk(TrunkConfig(widths=(3, 4, 4, 5, 5, 7)))
    with pytest.raises(RuntimeError):
        fold_unet_into_trunk(untrained_weights(WIDTHS), trunk)


def test_a_way_up_is_the_transposed_convolution_of_its_taps():
    source = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))
    up = UpConv(4, 3)
    x = torch.rand(1, 4, 2, 8)
    with torch.no_grad():
        up.weight.copy_(bin_phases(source)[:, :, None])
        mine = up(x)
    theirs = torch.nn.functional.conv_transpose2d(x, source[:, :, None], stride=(1, 2))
    torch.testing.assert_close(mine, theirs[..., 1:-2])
