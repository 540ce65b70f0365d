"""Streams in a batch are each what they are alone, whatever the others do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joined_streams import small_network
from step_frames import SPECTRUM_BINS, frames

from dsp.networks.batched_step import BatchedJoined
from dsp.networks.batched_unet import BatchedUNet
from dsp.networks.joined_step import GRID, QUICK_GRID, JoinedStep
from dsp.networks.packing import pack_joined, pack_unet
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_weights import untrained_weights

BOUND = 2e-4
"""Of the loudest bin: both add up in 32 bits, in another order."""

no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: a batch runs there")
with_each_grid = pytest.mark.parametrize("grid", [GRID, QUICK_GRID], ids=["usual", "quick"])


@pytest.fixture(scope="module")
def network():
    return small_network()


def alone(network, grid, spectra, first):
    """[window, channel, hop, bin] through a step of its own: [channel, hop, bin]."""
    step = JoinedStep(pack_joined(network, grid=grid))
    step.reset(first)
    heard, filtering = spectra
    hops = range(heard.shape[1])
    return np.stack([step.push(heard[:, hop], filtering[:, hop]) for hop in hops], axis=1)


def together(batch, streams, has_hop):
    """Push each stream's next hop whenever ``has_hop`` [turn, stream] says so: as `alone`, each."""
    done, heard = [0] * len(streams), [[] for _ in streams]
    for turn in has_hop:
        spectra = torch.zeros(2, len(streams), 2, SPECTRUM_BINS, dtype=torch.complex64)
        for stream, frames_of in enumerate(streams):
            if turn[stream]:
                spectra[:, stream] = torch.from_numpy(np.stack(frames_of)[:, :, done[stream]])
        active = torch.tensor(turn)
        filtered = batch.push(spectra.to(batch.device), active.to(batch.device)).cpu().numpy()
        for stream in np.flatnonzero(turn):
            heard[stream].append(filtered[stream].copy())
            done[stream] += 1
    return [np.stack(each, axis=1) for each in heard]


def assert_near(actual, expected):
    assert np.abs(actual - expected).max() <= BOUND * np.abs(expected).max()


@with_each_grid
def test_streams_out_of_step_are_what_they_are_alone(network, grid):
    firsts = (0, 3, 13)
    has_hop = [(True, turn % 3 > 0, turn % 2 > 0) for turn in range(40)]
    streams = [frames(40, seed=seed) for seed in range(len(firsts))]
    batch = BatchedJoined(network, grid, len(firsts), SPECTRUM_BINS)
    for stream, first in enumerate(firsts):
        batch.reset(stream, first)
    for stream, actual in enumerate(together(batch, streams, has_hop)):
        played = [each[:, : actual.shape[1]] for each in streams[stream]]
        assert_near(actual, alone(network, grid, played, firsts[stream]))


def test_a_stream_begins_anew_while_another_goes_on(network):
    first, second = frames(24, seed=1), frames(12, seed=2)
    batch = BatchedJoined(network, QUICK_GRID, 2, SPECTRUM_BINS)
    before = together(batch, [[each[:, :12] for each in first], second], [(True, True)] * 12)
    batch.reset(1)
    after = together(batch, [[each[:, 12:] for each in first], second], [(True, True)] * 12)
    assert_near(after[1], before[1])
    whole = np.concatenate([before[0], after[0]], axis=1)
    assert_near(whole, alone(network, QUICK_GRID, first, 0))


def test_who_has_no_hop_stays_where_he_is(network):
    spectra = frames(6)
    batch = BatchedJoined(network, QUICK_GRID, 1, SPECTRUM_BINS)
    patient = together(batch, [spectra], [(turn % 2 == 0,) for turn in range(12)])
    batch.reset(0)
    assert np.array_equal(patient[0], together(batch, [spectra], [(True,)] * 6)[0])


GRIDS = st.builds(
    HopGrid, st.sampled_from([1, 2, 4]), st.sampled_from([4, 8, 16]), st.sampled_from([1, 2, 4])
)


@settings(deadline=None, max_examples=6)
@given(grid=GRIDS, first=st.integers(0, 200), seed=st.integers(0, 99))
def test_its_unet_is_the_streaming_one_on_any_grid(grid, first, seed):
    weights = untrained_weights(seed=seed)
    stream, batch = StreamingUNet(pack_unet(weights), grid), BatchedUNet(weights, grid, 1)
    stream.reset(first)
    noise = np.random.default_rng(seed).random((30, 2, 1024), np.float32)
    now = torch.tensor([True])
    for hop, magnitudes in enumerate(noise, start=first):
        with torch.no_grad():
            mask = batch.push(torch.from_numpy(magnitudes)[None], torch.tensor([hop]), now)
        assert np.abs(mask[0, :, 0].numpy() - stream.push(magnitudes)).max() < BOUND


def test_no_stream_is_refused(network):
    with pytest.raises(ValueError, match="0 streams in a batch: 1 or more expected"):
        BatchedJoined(network, GRID, 0, SPECTRUM_BINS)


@no_gpu
def test_a_gpu_replays_what_a_processor_computes(network):
    streams = [frames(20, seed=seed) for seed in range(2)]
    has_hop = [(True, turn % 3 > 0) for turn in range(20)]
    here = together(BatchedJoined(network, GRID, 2, SPECTRUM_BINS), streams, has_hop)
    on_gpu = BatchedJoined(small_network().cuda(), GRID, 2, SPECTRUM_BINS)
    for there, actual in zip(together(on_gpu, streams, has_hop), here, strict=True):
        assert_near(there, actual)
