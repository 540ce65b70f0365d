"""Phoenix's weights as Cassiopeia's starting point."""

from dataclasses import replace

import pytest
import torch

from dsp.networks import cassiopeia_from_phoenix
from dsp.networks.cassiopeia_from_phoenix import complexify, phoenix_part
from dsp.networks.cassiopeia_trunk import CONFIG, make_network
from dsp.networks.complex_layers import parts_of
from dsp.networks.joined_network import JoinedNetwork
from dsp.networks.phoenix_network import PhoenixNetwork
from dsp.networks.phoenix_shape import BINS, PhoenixConfig, TrunkConfig
from dsp.networks.unet_weights import untrained_weights

WIDTHS = (2, 3, 4, 4, 5, 6)
DENSE = TrunkConfig(widths=WIDTHS, ticks=(1,) * 6, longest_dilation=4)


def phoenix_of(trunk=DENSE):
    torch.manual_seed(4)
    network = PhoenixNetwork(PhoenixConfig(trunk, head_width=5))
    for name, parameter in network.named_parameters():
        if name.endswith("bias") or "matrix" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.requires_grad_(requires_grad=False)


def cassiopeia_of(widths=WIDTHS):
    trunk = replace(CONFIG.trunk, widths=tuple(2 * width for width in widths))
    return make_network(replace(CONFIG, trunk=trunk, head_width=5)).requires_grad_(
        requires_grad=False
    )


def spectra(frames=12, bins=2049):
    parts = torch.randn(1, 2, frames, bins, 2, generator=torch.Generator().manual_seed(2))
    return torch.view_as_complex(parts)


def test_without_noise_it_says_what_the_real_network_says(monkeypatch):
    monkeypatch.setattr(cassiopeia_from_phoenix, "_NOISE", 0.0)
    phoenix, network, x = phoenix_of(), cassiopeia_of(), spectra()
    complexify(phoenix, network)
    heard = x[..., :BINS]
    mine = network(heard, x, network.initial_state())
    theirs = phoenix(heard.abs(), x, phoenix.initial_state())
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_noise_gives_imaginary_parts_somewhere_to_begin():
    network = cassiopeia_of()
    complexify(phoenix_of(), network)
    for level in network.trunk.stack:
        for convolution in (level.down, level.up):
            real, imaginary = parts_of(convolution).unbind(1)
            assert 0.0 < imaginary.std() < 0.5 * real.std()


def test_other_widths_are_refused():
    with pytest.raises(RuntimeError):
        complexify(phoenix_of(), cassiopeia_of((2, 3, 4, 4, 5, 7)))


def test_trunk_and_light_head_of_the_joined_network_are_a_phoenix():
    config = PhoenixConfig(TrunkConfig(widths=WIDTHS), head_width=5)
    joined = JoinedNetwork(untrained_weights(WIDTHS), config)
    phoenix = PhoenixNetwork(config)
    phoenix.load_state_dict(phoenix_part(joined.state_dict()))
    assert torch.equal(phoenix.trunk.stack[3].down.weight, joined.trunk.stack[3].down.weight)
    assert torch.equal(phoenix.head.near.weight, joined.light_head.near.weight)
