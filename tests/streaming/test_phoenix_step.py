"""The step on packed weights is the network, frame by frame, wherever the stream begins."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from step_frames import assert_close, frames, of_step, with_something_to_say

from dsp.networks.packing import pack_phoenix
from dsp.networks.phoenix_network import live_network
from dsp.networks.phoenix_shape import BINS, PhoenixConfig, TrunkConfig
from dsp.networks.phoenix_step import PhoenixStep

FRAMES = 40
SHAPES = {
    "six levels": TrunkConfig(widths=(2, 3, 4, 4, 5, 6)),
    "three levels, other taps and ticks": TrunkConfig(
        widths=(4, 6, 8), time_taps=(2, 4, 3), ticks=(1, 2, 4), answer_width=3
    ),
}


def network_of(shape, seed=0):
    torch.manual_seed(seed)
    return with_something_to_say(live_network(PhoenixConfig(SHAPES[shape], head_width=7)))


def of_network(network, heard, spectra, first=0):
    magnitudes = torch.from_numpy(np.abs(heard[None, ..., :BINS]))
    state = network.initial_state(frame=first)
    return network(magnitudes, torch.from_numpy(spectra)[None], state)[0].numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", [0, 1, 7, 16, 21])
def test_every_frame_is_the_networks(shape, first):
    network = network_of(shape)
    step = PhoenixStep(pack_phoenix(network))
    step.reset(first)
    heard, spectra = frames(FRAMES)
    assert_close(of_step(step, heard, spectra), of_network(network, heard, spectra, first))


@settings(deadline=None, max_examples=10)
@given(level=st.sampled_from([1e-6, 1e-3, 30.0]), seed=st.integers(0, 2**16))
def test_loud_or_quiet(level, seed):
    network = network_of("six levels", seed)
    heard, spectra = frames(10, seed, level)
    actual = of_step(PhoenixStep(pack_phoenix(network)), heard, spectra)
    assert_close(actual, of_network(network, heard, spectra))


def test_two_streams_of_one_packed_network_do_not_meet():
    packed = pack_phoenix(network_of("six levels"))
    first, second, alone = PhoenixStep(packed), PhoenixStep(packed), PhoenixStep(packed)
    one, other = frames(12, seed=1), frames(12, seed=2)
    expected = of_step(alone, *one)
    for t in range(12):
        second.push(other[0][:, t], other[1][:, t])
        assert np.array_equal(first.push(one[0][:, t], one[1][:, t]), expected[:, t])


@pytest.mark.parametrize("first", [0, 3, 16, 21])
def test_what_lies_beyond_the_horizon_has_no_part(first):
    packed = pack_phoenix(network_of("three levels, other taps and ticks"))
    horizon = packed.horizon_frames
    heard, spectra = frames(horizon + 41, seed=3)
    rebuilt, player = PhoenixStep(packed), PhoenixStep(packed)
    rebuilt.rebuild(heard[:, :-1].swapaxes(0, 1), first)
    player.reset(first)
    expected = of_step(player, heard, spectra)[:, -1]
    actual = rebuilt.push(heard[:, -1], spectra[:, -1])
    assert np.abs(actual - expected).max() <= 1e-6 * np.abs(expected).max()


def test_the_horizon_is_not_far_too_long():
    """At the right moment the oldest frame within it is still heard, but for one tick or so."""
    network = network_of("three levels, other taps and ticks")
    packed = pack_phoenix(network)
    slowest = np.prod([level.apart for level in packed.levels])
    heard, spectra = frames(packed.horizon_frames + 2 * slowest, seed=4)
    changed = heard.copy()
    changed[:, : 2 * slowest + 1] *= 2.0
    one, other = (of_network(network, magnitudes, spectra) for magnitudes in (heard, changed))
    assert np.abs(one - other)[:, -2 * slowest :].max() > 0.0


@pytest.mark.parametrize("first", [0, 5])
def test_what_it_is_rebuilt_from_counts_as_past(first):
    packed = pack_phoenix(network_of("six levels"))
    rebuilt, player = PhoenixStep(packed), PhoenixStep(packed)
    heard, spectra = frames(20)
    rebuilt.push(heard[:, 3], spectra[:, 3])
    rebuilt.rebuild(heard[:, :19].swapaxes(0, 1), first)
    player.reset(first)
    played = of_step(player, heard, spectra)
    assert np.array_equal(rebuilt.push(heard[:, 19], spectra[:, 19]), played[:, 19])


def test_a_reset_leaves_nothing_of_the_past():
    step = PhoenixStep(pack_phoenix(network_of("three levels, other taps and ticks")))
    heard, spectra = frames(9)
    expected = of_step(step, heard, spectra)
    step.push(heard[:, 3], spectra[:, 3])
    step.reset()
    assert np.array_equal(of_step(step, heard, spectra), expected)


def test_input_frames_are_left_as_they_were():
    step = PhoenixStep(pack_phoenix(network_of("six levels")))
    heard, spectra = frames(1)
    before = heard.copy(), spectra.copy()
    step.push(heard[:, 0], spectra[:, 0])
    assert np.array_equal(heard, before[0])
    assert np.array_equal(spectra, before[1])


def test_a_slow_levels_past_is_multiplied_between_its_ticks():
    """So that a hop at which all levels tick is not much longer than the others."""
    step = PhoenixStep(pack_phoenix(network_of("six levels")))
    levels = [kept.parts for kept in step._trunk.layers.parts.levels]
    multiplied = [[] for _ in levels]
    heard, spectra = frames(48)
    for t in range(48):
        for level in levels:
            level.down.from_past.fill(7.0)
        step.push(heard[:, t], spectra[:, t])
        for level, moments in zip(levels, multiplied, strict=True):
            if np.any(level.down.from_past != 7.0):
                moments.append(t)
    periods = [level.period for level in levels]
    assert periods == [1, 1, 8, 8, 16, 16]
    between = [list(range(period // 2 + 1, 48, period)) for period in periods[2:]]
    assert multiplied == [[], [], *between]
