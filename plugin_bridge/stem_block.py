"""The result of a separation: stems by name, and the position of the dry audio they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from plugin_bridge.errors import BadAudio
from protocol import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StemBlock:
    """Separated stems of one stretch of audio; ``block["vocals"]`` is [channel, frame]."""

    position_samples: int
    stems: tuple[str, ...]
    samples: FloatArray = field(repr=False)  # [stem, channel, frame]

    @property
    def frames(self) -> int:
        """How many frames each stem has."""
        return int(self.samples.shape[2])

    @property
    def end_samples(self) -> int:
        """Position behind the last frame."""
        return self.position_samples + self.frames

    def __getitem__(self, stem: str) -> FloatArray:
        try:
            index = self.stems.index(stem)
        except ValueError:
            raise KeyError(f"{stem}: {', '.join(self.stems)} are there") from None
        samples: FloatArray = self.samples[index]
        return samples


def join(blocks: Iterable[StemBlock]) -> StemBlock:
    """Return consecutive blocks of the same stems as one.

    Raises BadAudio when there are none, when they do not follow one another, or name other stems.
    """
    parts = list(blocks)
    if not parts:
        raise BadAudio("no blocks to join: one or more required")
    end = parts[0].position_samples
    for part in parts:
        if part.position_samples != end or part.stems != parts[0].stems:
            raise BadAudio(f"block {part} does not follow one of {parts[0].stems} ending at {end}")
        end = part.end_samples
    samples = np.concatenate([part.samples for part in parts], axis=2)
    return StemBlock(parts[0].position_samples, parts[0].stems, samples)
