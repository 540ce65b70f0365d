"""Cassiopeia's step on packed weights is the network, frame by frame."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from step_frames import assert_close, frames, of_step, with_something_to_say

from dsp.networks.cassiopeia_trunk import CONFIG, make_network
from dsp.networks.packing import pack_phoenix
from dsp.networks.phoenix_shape import BINS
from dsp.networks.phoenix_step import PhoenixStep

FRAMES = 30
SMALL = replace(
    CONFIG, trunk=replace(CONFIG.trunk, widths=(4, 6, 8, 8, 10, 12), answer_width=6), head_width=7
)


def network_of(seed=0):
    torch.manual_seed(seed)
    return with_something_to_say(make_network(SMALL, frames_per_step=2))


def of_network(network, heard, spectra):
    low = torch.from_numpy(heard[None, ..., :BINS])
    return network(low, torch.from_numpy(spectra)[None], network.initial_state())[0].numpy()


def test_every_frame_is_the_networks():
    network = network_of()
    heard, spectra = frames(FRAMES)
    actual = of_step(PhoenixStep(pack_phoenix(network), is_complex=True), heard, spectra)
    assert_close(actual, of_network(network, heard, spectra))


@settings(deadline=None, max_examples=10)
@given(level=st.sampled_from([1e-6, 1e-3, 30.0]), seed=st.integers(0, 2**16))
def test_loud_or_quiet(level, seed):
    network = network_of(seed)
    heard, spectra = frames(10, seed, level)
    actual = of_step(PhoenixStep(pack_phoenix(network), is_complex=True), heard, spectra)
    assert_close(actual, of_network(network, heard, spectra))


@pytest.mark.parametrize("heard_before", [0, 1, 5])
def test_what_lies_beyond_the_horizon_has_no_part(heard_before):
    packed = pack_phoenix(network_of())
    heard, spectra = frames(packed.horizon_frames + 20, seed=3)
    rebuilt, player = PhoenixStep(packed, is_complex=True), PhoenixStep(packed, is_complex=True)
    for t in range(heard_before):
        rebuilt.push(heard[:, t], spectra[:, t])
    rebuilt.rebuild(heard[:, :-1].swapaxes(0, 1), 0)
    expected = of_step(player, heard, spectra)[:, -1]
    assert np.array_equal(rebuilt.push(heard[:, -1], spectra[:, -1]), expected)


def test_a_reset_leaves_nothing_of_the_past():
    step = PhoenixStep(pack_phoenix(network_of()), is_complex=True)
    heard, spectra = frames(9)
    expected = of_step(step, heard, spectra)
    step.push(heard[:, 3], spectra[:, 3])
    step.reset()
    assert np.array_equal(of_step(step, heard, spectra), expected)


def test_two_streams_of_one_packed_network_do_not_meet():
    packed = pack_phoenix(network_of())
    first, second, alone = (PhoenixStep(packed, is_complex=True) for _ in range(3))
    one, other = frames(8, seed=1), frames(8, seed=2)
    expected = of_step(alone, *one)
    for t in range(8):
        second.push(other[0][:, t], other[1][:, t])
        assert np.array_equal(first.push(one[0][:, t], one[1][:, t]), expected[:, t])
