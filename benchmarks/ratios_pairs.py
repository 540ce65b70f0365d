"""The pairs behind the ratios that are guarded: what we do, and a yardstick of the same work.

Each pair is two calls that one process can take in turn. A yardstick is somebody else's code
(msgpack, numpy) or the plain way of doing it: a machine that is slow today is slow for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgpack  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.kernels import numpy_overlap_add
from dsp.networks import aligned
from dsp.networks.kept import Kept
from dsp.networks.kernel_cache import hop_kernel
from dsp.networks.live_network import (
    ANALYSIS_SAMPLES,
    CHANNELS,
    LIVE,
    LiveNetwork,
    filtering_windows,
    sound_tables,
)
from dsp.networks.packing import pack_phoenix, pack_unet
from dsp.networks.phoenix_network import live_network
from dsp.networks.phoenix_shape import BINS, PhoenixConfig
from dsp.networks.phoenix_step import PhoenixStep
from dsp.networks.rocknet_streaming import StreamingUNet
from dsp.networks.sound_kernels import Sound, analyse, hop_of, make_sound, synthesise
from dsp.networks.unet import unet_mask
from dsp.networks.unet_weights import untrained_weights
from dsp.overlap_add import overlap_add
from dsp.stft import asymmetric_windows
from protocol import Audio, decode, encode

FloatArray = npt.NDArray[np.float32]

_WINDOW_FRAMES = 344  # 8 s of the network's 1024-sample frames
_HOPS = 16
_STEMS = 4
_BLOCK_FRAMES = 256
PHOENIX_PERIOD_HOPS = 16  # after so many its deepest level runs again


@dataclass(frozen=True)
class Pair:
    """Two calls to be taken in turn."""

    ours: Callable[[], object]
    yardstick: Callable[[], object]
    rounds: int
    repeats: int = 1  # in a round, so that the clock's grain does not matter


def step_over_window() -> Pair:
    """One exact streaming step of the U-Net over running it again on its whole window."""
    weights = untrained_weights()
    stream = StreamingUNet(pack_unet(weights))
    generator = np.random.default_rng(0)
    window = generator.random((1, 2, _WINDOW_FRAMES, stream.packed.bins), np.float32)
    newest = np.ascontiguousarray(window[0, :, -1])
    rerun, last = torch.from_numpy(window), range(_WINDOW_FRAMES - 1, _WINDOW_FRAMES)
    return Pair(lambda: stream.push(newest), lambda: unet_mask(weights, rerun, last), rounds=15)


def overlap_add_over_numpy() -> Pair:
    """Sixteen hops of four stereo stems added by the kernel over the plain numpy way.

    All arrays begin a line of the cache: where they happen to lie makes a quarter of the ratio.
    """
    windows = asymmetric_windows()
    size, hop = windows.synthesis.size, windows.hop_samples
    generator = np.random.default_rng(0)
    shape = (_STEMS, CHANNELS, _HOPS, windows.analysis.size)
    frames = aligned.copied(generator.standard_normal(shape, np.float32))
    window = aligned.copied(windows.synthesis)
    finished = aligned.zeros((_STEMS, CHANNELS, _HOPS * hop), np.float32)
    ring = aligned.zeros((_STEMS, CHANNELS, size // hop, hop), np.float32)
    buffer = aligned.zeros((_STEMS, CHANNELS, size), np.float32)
    return Pair(
        lambda: overlap_add(frames, window, ring, 0, finished),
        lambda: numpy_overlap_add(frames, window, buffer, finished),
        rounds=101,
        repeats=4,
    )


def codec_over_msgpack() -> Pair:
    """Encode, decode and check a block over packing its header and viewing its samples."""
    block = Audio(1, 7, 1792, np.zeros((CHANNELS, _BLOCK_FRAMES), np.float32))
    header = {"kind": "audio", "stream": 1, "sequence": 7, "position": 1792}
    header |= {"channels": CHANNELS, "frames": _BLOCK_FRAMES}

    def bare() -> object:
        packed, pcm = msgpack.packb(header), block.samples.data.cast("B")
        msgpack.unpackb(packed)
        return np.frombuffer(pcm, "<f4").reshape(CHANNELS, _BLOCK_FRAMES)

    return Pair(lambda: decode(encode(block)), bare, rounds=51, repeats=200)


def stft_over_fft() -> Pair:
    """Play sixteen hops as they are, as live streams do, over numpy's transforms of their frames.

    Each hop is heard through two windows and played through one; numpy transforms one frame, and
    back.
    """
    sound = make_sound(sound_tables(), LIVE.hop_samples)
    generator = np.random.default_rng(0)
    audio = generator.standard_normal((CHANNELS, _HOPS * LIVE.hop_samples), np.float32)
    played = np.empty((1, *audio.shape), np.float32)
    frames = generator.standard_normal((CHANNELS, _HOPS, ANALYSIS_SAMPLES), np.float32)
    return Pair(
        lambda: _play_dry(sound, audio, played),
        lambda: np.fft.irfft(np.fft.rfft(frames)),
        rounds=51,
    )


@hop_kernel
def _play_dry(kept: Kept[Sound], samples: FloatArray, played: FloatArray) -> None:
    sound = kept.parts
    for first in range(0, samples.shape[1], hop_of(sound)):
        _, spectra = analyse(sound, samples, first)
        synthesise(sound, spectra, played, first)


def phoenix_over_reference() -> Pair:
    """Push a period of hops through Phoenix's trunk and head, over their network in plain torch.

    The yardstick goes frame by frame; ours has the transforms too.
    """
    network = live_network(PhoenixConfig()).eval().requires_grad_(requires_grad=False)
    separator = LiveNetwork(PhoenixStep(pack_phoenix(network)))
    state = network.initial_state()
    generator = np.random.default_rng(0)
    shape = (PHOENIX_PERIOD_HOPS, CHANNELS, LIVE.hop_samples)
    hops = 0.1 * generator.standard_normal(shape, np.float32)
    heard = torch.rand(1, CHANNELS, 1, BINS)
    spectra = torch.rand(1, CHANNELS, 1, filtering_windows().bins, dtype=torch.complex64)

    def plain() -> None:
        with torch.inference_mode():
            for _ in hops:
                network(heard, spectra, state)

    return Pair(lambda: [separator.push(hop) for hop in hops], plain, rounds=15)


PAIRS: Mapping[str, Callable[[], Pair]] = {
    pair.__name__: pair
    for pair in (
        step_over_window,
        overlap_add_over_numpy,
        codec_over_msgpack,
        stft_over_fft,
        phoenix_over_reference,
    )
}
