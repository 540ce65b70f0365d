"""Phoenix: a slow trunk on seconds of context, the newest spectrum filtered at the audio's own hop.

This module puts the trunk between analysis and synthesis. The asymmetric pair keeps the frequency
resolution of 4096 samples at a latency of 1024.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dsp.networks.phoenix_trunk import BINS, STEP_SAMPLES, PhoenixTrunk, TrunkConfig, TrunkState
from dsp.stft import WindowPair, analyse, asymmetric_windows, synthesise

ANALYSIS_SAMPLES = 4096
SYNTHESIS_SAMPLES = 1024
HOP_SAMPLES = 512
_EDGE_BINS = 128

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]


def live_windows() -> WindowPair:
    """Make the pair whose latency is 1024 samples."""
    return asymmetric_windows(ANALYSIS_SAMPLES, SYNTHESIS_SAMPLES, HOP_SAMPLES)


def live_trunk(config: TrunkConfig) -> PhoenixTrunk:
    """Make a trunk for streams: frames come at the audio's hop, half a step apart."""
    return PhoenixTrunk(config, frames_per_step=STEP_SAMPLES // HOP_SAMPLES)


def channels_last(trunk: PhoenixTrunk) -> PhoenixTrunk:
    """Lay the weights out so that channels are neighbours: what its convolutions run fastest on."""
    for parameter in trunk.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return trunk


def extended(mask: Tensor, bins: int) -> Tensor:
    """Carry a mask [..., 1024] on above 11 kHz: what holds at its upper edge is held to go on."""
    edge = mask[..., -_EDGE_BINS:].mean(dim=-1, keepdim=True)
    return torch.cat([mask, edge.expand(*mask.shape[:-1], bins - BINS)], dim=-1)


def filtered(trunk: PhoenixTrunk, spectra: ComplexArray, state: TrunkState) -> ComplexArray:
    """Vocals of the next frames, [channel 2, frame, bin]; the state moves on."""
    magnitudes = torch.from_numpy(np.abs(spectra[None, ..., :BINS]))
    with torch.inference_mode():
        logits = trunk(magnitudes.contiguous(memory_format=torch.channels_last), state)
        mask = extended(torch.sigmoid(logits), spectra.shape[-1])[0].numpy()
    vocals: ComplexArray = spectra * mask
    return vocals


def separate_whole(trunk: PhoenixTrunk, mixture: FloatArray) -> FloatArray:
    """Vocals of a whole song, [channel 2, frame], just as a stream would give them."""
    windows = live_windows()
    frames = mixture.shape[1]
    after = windows.delay_samples + -frames % HOP_SAMPLES
    spectra = analyse(np.pad(mixture, ((0, 0), (0, after))), windows)
    vocals = filtered(trunk, spectra, trunk.initial_state())
    return synthesise(vocals[None], windows)[0, :, :frames]
