"""Complex channels as pairs of real ones: the products are those of complex numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from dsp.networks.causal_conv import CausalDownConv, UpConv
from dsp.networks.complex_layers import ComplexWeight, gated, make_complex, parts_of

sizes = st.integers(1, 5)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def interleaved(numbers):
    """[batch, channel, ...] complex to [batch, 2 channel, ...] real."""
    return torch.view_as_real(numbers).movedim(-1, 2).flatten(1, 2)


def complex_noise(*shape, seed=0):
    return torch.view_as_complex(torch.randn(*shape, 2, generator=generator(seed)))


@settings(deadline=None, max_examples=30)
@given(outputs=sizes, inputs=sizes, seed=st.integers(0, 2**16))
def test_a_product_is_that_of_complex_numbers(outputs, inputs, seed):
    weight, x = complex_noise(outputs, inputs, seed=seed), complex_noise(1, inputs, seed=seed + 1)
    real_weight = ComplexWeight()(torch.stack([weight.real, weight.imag], dim=1))
    actual = functional.linear(interleaved(x), real_weight)
    torch.testing.assert_close(actual, interleaved(x @ weight.T))


@given(outputs=sizes, inputs=sizes, seed=st.integers(0, 2**16))
def test_parts_are_found_again(outputs, inputs, seed):
    parts = torch.randn(outputs, 2, inputs, 3, generator=generator(seed))
    tie = ComplexWeight()
    torch.testing.assert_close(tie.right_inverse(tie(parts)), parts)


@given(seed=st.integers(0, 2**16))
def test_of_a_real_weight_the_nearest_complex_one_is_kept(seed):
    weight = torch.randn(6, 4, 2, generator=generator(seed))
    tie = ComplexWeight()
    kept = tie(tie.right_inverse(weight))
    for part in (torch.randn(3, 2, 2, 2, generator=generator(seed + 1)) for _ in range(4)):
        other = tie(part)
        # What is left over has no part in any complex weight.
        assert torch.sum((weight - kept) * other).abs() < 1e-4


@pytest.mark.parametrize(
    "convolution",
    [CausalDownConv(4, 6, time_taps=3, dilation=2), UpConv(4, 6), nn.Conv2d(4, 6, 3)],
    ids=["down", "up", "plain"],
)
def test_a_turn_of_all_inputs_turns_all_outputs(convolution):
    """A complex convolution without bias commutes with every phase."""
    make_complex(convolution)
    nn.init.zeros_(convolution.bias)
    x, turn = complex_noise(1, 2, 8, 16), torch.exp(torch.tensor(1.1j))

    def convolved(numbers):
        out = convolution(interleaved(numbers), *[None] * isinstance(convolution, CausalDownConv))
        out = out[0] if isinstance(out, tuple) else out
        return torch.view_as_complex(out.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())

    torch.testing.assert_close(convolved(turn * x), turn * convolved(x))


def test_only_the_parts_are_trained():
    convolution = nn.Conv2d(4, 6, 3)
    make_complex(convolution)
    names = {name for name, _ in convolution.named_parameters()}
    assert names == {"bias", "parametrizations.weight.original"}
    assert parts_of(convolution).shape == (3, 2, 2, 3, 3)
    assert convolution.weight.shape == (6, 4, 3, 3)


@given(gain=st.floats(0.01, 100.0), seed=st.integers(0, 2**16))
def test_a_gate_keeps_the_phase_and_knows_no_level(gain, seed):
    x = complex_noise(2, 3, 5, seed=seed)
    out = gated(interleaved(x), 0.2)
    numbers = torch.view_as_complex(out.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())
    torch.testing.assert_close(numbers, torch.where(x.real > 0, x, 0.2 * x))
    torch.testing.assert_close(gated(gain * interleaved(x), 0.2), gain * out)


@pytest.mark.parametrize("leak", [0.0, 0.2])
def test_numbers_without_an_imaginary_part_are_rectified_as_real_ones(leak):
    x = torch.randn(2, 3, 4, generator=generator(1))
    out = gated(interleaved(torch.complex(x, torch.zeros_like(x))), leak)
    torch.testing.assert_close(out[:, ::2], functional.leaky_relu(x, leak))
    assert not out[:, 1::2].any()


def test_a_gate_keeps_precision_and_layout():
    x = torch.randn(1, 4, 3, 5).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    out = gated(x, 0.2)
    assert out.dtype is torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)
