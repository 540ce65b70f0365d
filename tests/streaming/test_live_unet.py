"""The form that is trained makes the very masks that a stream plays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.live_unet import LiveUNet, Moments
from dsp.networks.packing import pack_unet
from dsp.networks.rocknet_grid import HopGrid
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.unet_weights import untrained_weights

BINS = 64
WEIGHTS = untrained_weights((3, 4, 5, 6, 7, 8), seed=5)


def streamed_masks(magnitudes: np.ndarray, grid: HopGrid, first_hop: int) -> np.ndarray:
    """[channel, hop, bin] to masks of the same shape, one push after the other."""
    network = StreamingUNet(pack_unet(WEIGHTS, bins=BINS), grid)
    network.reset(first_hop)
    return np.stack([network.push(frame) for frame in magnitudes.transpose(1, 0, 2)], axis=1)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    apart=st.sampled_from([4, 8, 16]),
    age_hops=st.integers(3, 10),
    first=st.integers(0, 20),
    frames=st.integers(40, 90),
)
def test_masks_are_those_of_a_stream(
    seed: int, apart: int, age_hops: int, first: int, frames: int
) -> None:
    rng = np.random.default_rng(seed)
    magnitudes = np.abs(rng.standard_normal((2, 2 * frames, BINS))).astype(np.float32)
    age, later = divmod(age_hops, 2)
    moments = Moments(first, apart, age)
    past, now = (torch.from_numpy(magnitudes[None, :, hop::2]) for hop in (0, later))
    with torch.inference_mode():
        masks = LiveUNet(WEIGHTS)((past, now), moments)
    # A stream refreshes its deep levels every eighth hop and hears them from the third after on.
    streamed = streamed_masks(magnitudes, HopGrid(2, 8, 4), first_hop=-2 * first % 8)
    expected = streamed[:, [2 * frame + later for frame in moments.masks(frames)]]
    np.testing.assert_allclose(masks[:, :, 0].numpy().transpose(1, 0, 2), expected, atol=2e-6)


def test_batches_do_not_mix() -> None:
    magnitudes = torch.rand(3, 2, 50, BINS)
    moments = Moments(2, 8, 1)
    network = LiveUNet(WEIGHTS)
    with torch.inference_mode():
        together = network((magnitudes, magnitudes), moments)
        apart = [network((item[None], item[None]), moments) for item in magnitudes]
    torch.testing.assert_close(together, torch.cat(apart))


@pytest.mark.parametrize(("frames", "count"), [(10, 0), (11, 1), (26, 1), (27, 2)])
def test_moments_have_their_mask_within_the_frames(frames: int, count: int) -> None:
    moments = Moments(first=7, apart=16, age=3)
    assert len(moments.masks(frames)) == count
    assert all(frame < frames for frame in moments.masks(frames))


def test_every_parameter_is_trained() -> None:
    network = LiveUNet(WEIGHTS)
    magnitudes = torch.rand(1, 2, 60, BINS)
    masks = network((magnitudes, magnitudes), Moments(0, 4, 2))
    masks.square().sum().backward()
    # Below the deepest level nothing reads the activation that its normalisation would shape.
    unused = {"encoder.5.scale", "encoder.5.shift"}
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == (name in unused), name
