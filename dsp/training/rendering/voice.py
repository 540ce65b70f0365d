"""A recorded voice taken apart, and cut into syllables.

WORLD's analysis: pitch, spectral envelope and aperiodicity, frame by frame. A syllable is a voiced
stretch with what leads up to it.

Reference: Morise et al., "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications", IEICE Transactions 2016.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.training.errors import TrainingDataError
from dsp.training.pcm_cache import RATE_HZ

if TYPE_CHECKING:
    from types import ModuleType

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

FRAME_S = 0.005
LEAST_VOICED_S = 0.07
"""Of a syllable, and of a note: what is shorter is no vowel."""

_LONGEST_LEAD_S = 0.12
_LEAST_SYLLABLES = 4


class Syllable(NamedTuple):
    """Frames of a recording: its lead starts at ``start``, the voice at ``voiced``."""

    start: int
    voiced: int
    end: int


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording taken apart, frame by frame, ``FRAME_S`` apart."""

    pitch_hz: DoubleArray  # [frame], 0 where unvoiced
    envelope: DoubleArray  # [frame, bin], power
    aperiodicity: DoubleArray  # [frame, bin], 0 to 1
    syllables: tuple[Syllable, ...]

    @property
    def usual_pitch(self) -> float:
        """The median of its voiced frames, as a MIDI pitch."""
        return float(np.median(midi_pitch(self.pitch_hz[self.pitch_hz > 0.0])))


def take_apart(recording: FloatArray) -> Voice:
    """Analyse a voice [sample] at ``RATE_HZ``; TrainingDataError where it has no syllables."""
    world = load_world()
    x = recording.astype(np.float64)
    rough, times = world.dio(x, RATE_HZ, frame_period=1e3 * FRAME_S)
    pitch_hz = world.stonemask(x, rough, times, RATE_HZ)
    envelope = world.cheaptrick(x, pitch_hz, times, RATE_HZ)
    aperiodicity = world.d4c(x, pitch_hz, times, RATE_HZ)
    syllables = find_syllables(pitch_hz)
    if len(syllables) < _LEAST_SYLLABLES:
        raise TrainingDataError(
            f"{len(recording) / RATE_HZ:.1f} s of a voice with {len(syllables)} syllables: "
            f"at least {_LEAST_SYLLABLES} expected"
        )
    return Voice(pitch_hz, envelope, aperiodicity, syllables)


def find_syllables(pitch_hz: DoubleArray) -> tuple[Syllable, ...]:
    """Cut at every voiced stretch that is long enough; up to 0.12 s before it are its lead."""
    is_voiced = np.concatenate([[False], pitch_hz > 0.0, [False]])
    edges = np.flatnonzero(np.diff(is_voiced.astype(np.int8))).reshape(-1, 2)
    longest_lead = round(_LONGEST_LEAD_S / FRAME_S)
    syllables, before = [], 0
    for voiced, end in edges.tolist():
        if (end - voiced) * FRAME_S >= LEAST_VOICED_S:
            syllables.append(Syllable(max(before, voiced - longest_lead), voiced, end))
        before = end
    return tuple(syllables)


def midi_pitch(hz: DoubleArray) -> DoubleArray:
    """Convert Hz to MIDI's scale, 69 for 440 Hz."""
    return 69.0 + 12.0 * np.log2(hz / 440.0)


def hertz(pitch: DoubleArray) -> DoubleArray:
    """Convert MIDI's scale to Hz."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def load_world() -> ModuleType:
    """Import the vocoder, of the extra `render`."""
    with warnings.catch_warnings():  # of how it looks up its own version
        warnings.simplefilter("ignore", UserWarning)
        import pyworld  # noqa: PLC0415
    return pyworld
