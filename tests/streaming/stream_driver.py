"""Drives a StreamPipeline the way a host would, and separators to drive it with."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from dsp.networks.fixed_gains import PROFILES, FixedGainsSeparator
from dsp.pipeline import StemBlock, StreamPipeline
from dsp.separator import Lane, Profile

HOST_RATES = (44_100, 48_000, 88_200, 96_000)
STEMS = ("vocals", "drums", "other")
LSB_24_BIT = 2.0**-23

block_sizes = st.sampled_from([16, 17, 64, 256, 441, 1024, 2027, 8192, 16384])


def partitions(total: int) -> st.SearchStrategy[list[int]]:
    """Ways to cut ``total`` frames: constant blocks of every usual size, or anything at all."""
    constant = block_sizes.map(lambda size: [size] * -(-total // size))
    anything = st.lists(st.integers(1, 16_384), min_size=1, max_size=40)
    return st.one_of(constant, anything).map(lambda sizes: cut(sizes, total))


def cut(sizes: list[int], total: int) -> list[int]:
    """Trim or extend a list of block sizes to ``total`` frames."""
    ends = np.minimum(np.cumsum(sizes), total)
    blocks = [int(size) for size in np.diff(ends, prepend=0) if size]
    return [*blocks, total - int(ends[-1])] if ends[-1] < total else blocks


def fixed_gains(profile: str = "live") -> FixedGainsSeparator:
    return FixedGainsSeparator(PROFILES[profile])


def open_stream(rate_hz: int = 44_100, separator=None, **options) -> StreamPipeline:
    defaults = {"channels": 2, "model_stems": STEMS, "max_block_frames": 16_384}
    return StreamPipeline(separator or fixed_gains(), rate_hz=rate_hz, **{**defaults, **options})


def noise(frames: int, channels: int = 2, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (channels, frames)).astype(np.float32)


def push_all(
    pipeline: StreamPipeline, dry: np.ndarray, blocks: Iterable[int], start: int = 0
) -> list[StemBlock]:
    """Push ``dry`` in these blocks."""
    out: list[StemBlock] = []
    at = 0
    for frames in blocks:
        out += pipeline.push(start + at, dry[:, at : at + frames])
        at += frames
    return out


def joined(blocks: list[StemBlock], start: int = 0) -> np.ndarray:
    """All blocks as one [stem, channel, frame]; they must be contiguous from ``start``."""
    for block in blocks:
        assert block.position_samples == start
        assert block.samples.shape[0] == len(block.stems)
        start += block.samples.shape[2]
    return np.concatenate([block.samples for block in blocks], axis=2)


def separate(pipeline: StreamPipeline, dry: np.ndarray, blocks=None, start: int = 0) -> np.ndarray:
    """Push everything, flush, join: [stem, channel, frame], as long as ``dry``."""
    out = push_all(pipeline, dry, blocks or [dry.shape[1]], start) + pipeline.flush()
    return joined(out, start)


class RecursiveSeparator:
    """One stem with a memory that fades, and a gain that depends on the absolute hop.

    Its output betrays both a state that was not rebuilt and a grid that was not anchored.
    """

    rate_hz = 44_100
    stems = ("vocals",)

    def __init__(self, hop: int = 128, overlap: int = 256, look_ahead: int = 0) -> None:
        self.profile = Profile("live", hop, overlap, look_ahead, 0, Lane.REALTIME)
        self.rebuilds = 0
        self.reset()

    def reset(self, position_samples: int = 0) -> None:
        hop = self.profile.hop_samples
        assert position_samples % hop == 0
        self._hop_index = position_samples // hop
        self._memory = np.zeros(2, np.float64)
        self._delayed = np.zeros((2, self.profile.delay_samples), np.float32)

    def rebuild(self, history: np.ndarray, position_samples: int) -> None:
        self.reset(position_samples)
        self.push(history)
        self.rebuilds += 1

    def push(self, frames: np.ndarray) -> np.ndarray:
        hop = self.profile.hop_samples
        assert frames.shape[1] % hop == 0
        wet = np.empty_like(frames)
        for start in range(0, frames.shape[1], hop):
            block = frames[:, start : start + hop]
            self._memory = 0.5 * self._memory + block.mean(axis=1)
            gain = (0.5, 0.4, 0.3)[self._hop_index % 3]
            wet[:, start : start + hop] = gain * block + 0.1 * self._memory[:, None]
            self._hop_index += 1
        joined_frames = np.concatenate([self._delayed, wet], axis=1)
        self._delayed = joined_frames[:, frames.shape[1] :]
        return joined_frames[None, :, : frames.shape[1]]


class GainSeparator(RecursiveSeparator):
    """Stems that are parts of the dry signal, given by name."""

    def __init__(self, gains: dict[str, float], hop: int = 128, overlap: int = 256) -> None:
        self.stems = tuple(gains)
        self._gains = np.array(list(gains.values()), np.float32)[:, None, None]
        super().__init__(hop, overlap)

    def push(self, frames: np.ndarray) -> np.ndarray:
        joined_frames = np.concatenate([self._delayed, frames], axis=1)
        self._delayed = joined_frames[:, frames.shape[1] :]
        return self._gains * joined_frames[None, :, : frames.shape[1]]
