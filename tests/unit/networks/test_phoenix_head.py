"""The head: begins as nothing, lets a common phase through, reads direction and not level."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.phoenix_head import PhoenixHead, direction
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import PhoenixConfig, TrunkConfig

FRAMES, BINS = 3, 64


def spectra(seed=0, bins=BINS):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, FRAMES, bins, dtype=torch.complex64, generator=generator)


def trained_head(seed=0):
    torch.manual_seed(seed)
    head = PhoenixHead(answer_width=2, width=5).requires_grad_(requires_grad=False)
    torch.nn.init.normal_(head.matrix.weight)
    return head


def inputs(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 2, FRAMES, BINS, generator=generator), torch.rand(
        1, 2, FRAMES, BINS, generator=generator
    )


def test_a_new_head_adds_nothing():
    head = PhoenixHead(answer_width=2, width=5)
    assert not head(*inputs(), spectra()).any()


@given(phase=st.floats(-np.pi, np.pi))
@settings(deadline=None, max_examples=20)
def test_a_common_phase_passes_through(phase):
    head, x = trained_head(), spectra()
    turn = torch.polar(torch.tensor(1.0), torch.tensor(phase))
    torch.testing.assert_close(
        head(*inputs(), turn * x), turn * head(*inputs(), x), rtol=1e-3, atol=1e-3
    )


@given(gain_db=st.floats(-20, 20))
@settings(deadline=None, max_examples=20)
def test_direction_is_the_same_at_any_level(gain_db):
    x = spectra() + 1.0
    louder = 10 ** (gain_db / 20) * x
    torch.testing.assert_close(direction(louder), direction(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("right", "expected"),
    [(0.0, (1.0, 0.0, 0.0)), (1.0, (0.0, 1.0, 0.0)), (-1.0, (0.0, -1.0, 0.0)), (1j, (0, 0, -1))],
)
def test_direction_of_known_signals(right, expected):
    """Left alone, both alike, in opposition, a quarter turn apart."""
    left = torch.full((1, FRAMES, BINS), 2.0 + 1.0j, dtype=torch.complex64)
    features = direction(torch.stack([left, right * left], dim=1))
    for feature, value in zip(features[0], expected, strict=False):
        torch.testing.assert_close(feature, torch.full_like(feature, value), atol=1e-5, rtol=0)
    assert features[0, 3].abs().max() < 1e-5  # no bin is louder than the others


def test_silence_has_no_direction_and_gives_none():
    silence = torch.zeros(1, 2, FRAMES, BINS, dtype=torch.complex64)
    assert direction(silence).abs().max() < 1e-5
    assert not trained_head()(*inputs(), silence).any()


def test_a_frame_is_filtered_by_itself():
    head, (answer, mask), x = trained_head(), inputs(), spectra()
    changed = x.clone()
    changed[:, :, 1] *= 3.0 + 1.0j
    before, after = head(answer, mask, x), head(answer, mask, changed)
    assert torch.equal(before[:, :, [0, 2]], after[:, :, [0, 2]])
    assert not torch.equal(before[:, :, 1], after[:, :, 1])


def test_a_matrix_can_move_one_channel_into_the_other():
    """With all coefficients saturated: left out = left + right in, what a mask cannot do."""
    head = PhoenixHead(answer_width=2, width=5).requires_grad_(requires_grad=False)
    head.matrix.bias[:2] = 20.0  # real parts: left from left, left from right
    x = spectra()
    out = head(*inputs(), x)
    torch.testing.assert_close(out[:, 0], x[:, 0] + x[:, 1])
    assert not out[:, 1].any()


def test_a_new_network_is_its_trunks_mask():
    torch.manual_seed(1)
    config = PhoenixConfig(TrunkConfig(widths=(2, 3, 4, 4, 5, 6)), head_width=3)
    network = PhoenixNetwork(config).eval().requires_grad_(requires_grad=False)
    heard, x = torch.rand(1, 2, FRAMES, 1024), spectra(bins=2049)
    mask = torch.sigmoid(network.trunk(heard, network.trunk.initial_state()))
    vocals = network(heard, x, network.initial_state())
    torch.testing.assert_close(vocals[..., :1024], mask * x[..., :1024])
    top = mask[..., -32:].mean(dim=-1, keepdim=True)
    torch.testing.assert_close(vocals[..., 1024:], top * x[..., 1024:])
