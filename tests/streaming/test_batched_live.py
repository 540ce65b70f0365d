"""Live streams whose hops meet in passes play what they play alone, from samples to samples."""

import gc
import threading

import numpy as np
import pytest
import torch
from joined_streams import small_network

from dsp.errors import SeatsTakenError
from dsp.networks.batched_live import LiveBatch
from dsp.networks.joined_step import QUICK_GRID, JoinedStep
from dsp.networks.live_network import LIVE, LiveNetwork
from dsp.networks.packing import pack_joined
from dsp.separator import Separator

BOUND = 2e-4
"""Of the loudest sample: both add up in 32 bits, in another order."""

HOP = LIVE.hop_samples
SEATS = 3


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture
def batch(network):
    return LiveBatch(network, QUICK_GRID, SEATS)


def noise(hops, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, (2, hops * HOP)).astype(np.float32)


def alone(network, samples, position=0, history=None):
    separator = LiveNetwork(JoinedStep(pack_joined(network, grid=QUICK_GRID)))
    return played(separator, samples, position, history)


def played(separator, samples, position=0, history=None):
    if history is None:
        separator.reset(position)
    else:
        separator.rebuild(history, position)
    parts = np.split(samples, samples.shape[1] // HOP, axis=1)
    return np.concatenate([separator.push(part) for part in parts], axis=2)


def assert_near(actual, expected):
    assert np.abs(actual - expected).max() <= BOUND * np.abs(expected).max()


def test_a_stream_on_a_seat_is_a_separator_that_plays_what_it_plays_alone(network, batch):
    separator, samples = LiveNetwork(batch.step()), noise(24, seed=1)
    assert isinstance(separator, Separator)
    for position in (0, 5 * HOP):
        assert_near(played(separator, samples, position), alone(network, samples, position))


def test_streams_of_several_threads_do_not_hear_each_other(network, batch):
    songs = [noise(16, seed=seed) for seed in range(SEATS)]
    heard = [None] * SEATS
    together = threading.Barrier(SEATS)

    def play(index, separator):
        together.wait(20)
        heard[index] = played(separator, songs[index], index * HOP)

    threads = [
        threading.Thread(target=play, args=(index, LiveNetwork(batch.step())), daemon=True)
        for index in range(SEATS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for index, song in enumerate(songs):
        assert_near(heard[index], alone(network, song, index * HOP))


def test_a_stream_is_rebuilt_while_another_goes_on(network, batch):
    steady, rebuilt = LiveNetwork(batch.step()), LiveNetwork(batch.step())
    song, other = noise(24, seed=3), noise(24, seed=4)
    before = played(steady, song[:, : 12 * HOP])
    after = played(rebuilt, other[:, 12 * HOP :], 0, other[:, : 12 * HOP])
    rest = np.concatenate([steady.push(part) for part in np.split(song[:, 12 * HOP :], 12, 1)], 2)
    assert_near(np.concatenate([before, rest], axis=2), alone(network, song))
    assert_near(after, alone(network, other[:, 12 * HOP :], 0, other[:, : 12 * HOP]))


def test_seats_are_few_and_free_again_when_their_streams_are_gone(batch):
    streams = [LiveNetwork(batch.step()) for _ in range(SEATS)]
    with pytest.raises(SeatsTakenError, match="3 streams on cpu: all seats are taken"):
        batch.step()
    del streams[0]
    gc.collect()
    batch.step()


def test_a_seat_that_is_taken_over_has_no_past(network, batch):
    samples = noise(8, seed=5)
    for _ in range(SEATS + 1):
        separator = LiveNetwork(batch.step())
        assert_near(separator.push(samples), alone(network, samples))
        del separator
        gc.collect()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: streams would play there")
def test_a_gpu_plays_what_a_processor_plays(network):
    samples = noise(24, seed=6)
    on_gpu = LiveBatch(small_network().cuda(), QUICK_GRID, SEATS)
    assert_near(played(LiveNetwork(on_gpu.step()), samples), alone(network, samples))
