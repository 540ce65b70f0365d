"""A model's stems on their way out: names, remainder, gains, and the fade to the next model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from dsp.chain import SeparationChain
from dsp.errors import SignalError
from dsp.mixing import (
    CROSS_FADE_MS,
    MIX,
    RAMP_MS,
    GainRamp,
    cross_fade,
    mix_down,
    raised_cosine,
    ramp_frames,
    target_gains,
    write_remainder,
)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MixSettings:
    """What a user has set for the ``mix`` pseudo-stem, by stem name."""

    gains_db: Mapping[str, float] = field(default_factory=dict)
    mute: tuple[str, ...] = ()
    solo: tuple[str, ...] = ()

    def updated(
        self,
        gains_db: Mapping[str, float] | None,
        mute: Collection[str] | None,
        solo: Collection[str] | None,
    ) -> MixSettings:
        """Change what is not None; gains are merged, mute and solo replaced."""
        return replace(
            self,
            gains_db={**self.gains_db, **(gains_db or {})},
            mute=self.mute if mute is None else tuple(mute),
            solo=self.solo if solo is None else tuple(solo),
        )

    def limited_to(self, stems: Collection[str]) -> MixSettings:
        """Drop what concerns stems that another model does not have."""
        return MixSettings(
            {stem: gain for stem, gain in self.gains_db.items() if stem in stems},
            tuple(stem for stem in self.mute if stem in stems),
            tuple(stem for stem in self.solo if stem in stems),
        )

    def targets(self, stems: Collection[str]) -> FloatArray:
        """Linear gain of every stem, [stem]; raises SignalError for what cannot be."""
        return target_gains(stems, self.gains_db, self.mute, self.solo)


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """Some frames of everything a model gives."""

    stems: tuple[str, ...]  # estimated ones, then the remainder
    estimates: FloatArray  # [stem - 1, channel, frame]
    dry: FloatArray  # [channel, frame]
    mix: Callable[[], FloatArray]  # [channel, frame], made when it is wanted

    def select(self, wanted: Sequence[str]) -> FloatArray:
        """Give the wanted stems in that order: [stem, channel, frame]."""
        selected = np.empty((len(wanted), *self.dry.shape), np.float32)
        for stem, samples in zip(wanted, selected, strict=True):
            if stem == MIX:
                samples[:] = self.mix()
            elif stem == self.stems[-1]:
                write_remainder(self.estimates, self.dry, samples)
            else:
                samples[:] = self.estimates[self.stems.index(stem)]
        return selected


class StemVoice:
    """A separation chain with its stems' names and gains."""

    def __init__(
        self,
        chain: SeparationChain,
        model_stems: Sequence[str],
        rate_hz: int,
        settings: MixSettings,
    ) -> None:
        estimated = tuple(chain.separator.stems)
        remainder = [stem for stem in model_stems if stem not in estimated]
        if len(remainder) != 1 or set(estimated) - set(model_stems):
            raise SignalError(
                f"stems {', '.join(model_stems)}: {', '.join(estimated)} and one remainder expected"
            )
        self._chain = chain
        self.latency = chain.latency
        self.model_stems = tuple(model_stems)
        self.stems = (*estimated, remainder[0])
        targets = settings.limited_to(self.stems).targets(self.stems)
        self._ramp = GainRamp(targets, ramp_frames(rate_hz, RAMP_MS))

    def start(self, history: FloatArray, position_samples: int) -> None:
        """Begin at this position, right behind ``history`` [channel, frame]."""
        self._chain.start(history, position_samples)

    def aim(self, settings: MixSettings) -> None:
        """Let the gains move to new settings; raises SignalError for what cannot be."""
        self._ramp.aim(settings.targets(self.stems))

    @property
    def available_frames(self) -> int:
        """Frames that can be popped."""
        return self._chain.available_frames

    def push(self, samples: FloatArray) -> None:
        """Take dry audio [channel, frame], in order."""
        self._chain.push(samples)

    def hops_after(self, position_samples: int) -> int:
        """How many hops would become full if input came up to this position; costs nothing."""
        return self._chain.hops_after(position_samples)

    def full_hops_end(self, position_samples: int) -> int:
        """Position up to which input is needed for the hops that are full by that position."""
        return self._chain.full_hops_end(position_samples)

    @property
    def next_hop_end(self) -> int:
        """Position up to which input must come for the next hop to be full."""
        return self._chain.next_hop_end

    def pop(self, dry: FloatArray) -> Passage:
        """Give the next frames; ``dry`` [channel, frame] lies at the same positions."""
        estimates = self._chain.pop(dry.shape[1])
        gains = self._ramp.advance(dry.shape[1])
        return Passage(self.stems, estimates, dry, lambda: mix_down(estimates, dry, gains))

    def requested(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Check a request: some of the model's stems and ``mix``; empty means all stems.

        Raises SignalError for a stem there is not, or one asked for twice.
        """
        known = (*self.model_stems, MIX)
        if len(set(stems)) != len(stems) or set(stems) - set(known):
            raise SignalError(f"stems {', '.join(stems)}: each once, of {', '.join(known)}")
        return tuple(stems) or self.model_stems


class SwitchFade:
    """A cross-fade to another voice while both run; the old side may itself be fading."""

    def __init__(self, old: StemVoice | SwitchFade, new: StemVoice, rate_hz: int) -> None:
        self.old, self.new = old, new
        self._weights = raised_cosine(ramp_frames(rate_hz, CROSS_FADE_MS))
        self._progress = 0

    @property
    def begun(self) -> bool:
        """Something of the new voice is out."""
        return self._progress > 0

    @property
    def settled(self) -> bool:
        """The new voice is alone."""
        return self._progress >= self._weights.size

    @property
    def available_frames(self) -> int:
        """Frames that can be popped."""
        return min(self.old.available_frames, self.new.available_frames)

    def push(self, samples: FloatArray) -> None:
        """Take dry audio [channel, frame], in order."""
        self.old.push(samples)
        self.new.push(samples)

    def hops_after(self, position_samples: int) -> int:
        """How many hops would become full if input came up to this position; costs nothing."""
        return max(self.old.hops_after(position_samples), self.new.hops_after(position_samples))

    def full_hops_end(self, position_samples: int) -> int:
        """Position up to which input is needed for the hops that are full by that position."""
        return max(
            self.old.full_hops_end(position_samples), self.new.full_hops_end(position_samples)
        )

    @property
    def next_hop_end(self) -> int:
        """Position up to which input must come for the next hop of either to be full."""
        return min(self.old.next_hop_end, self.new.next_hop_end)

    def pop(self, dry: FloatArray) -> Passage:
        """Give the next frames, with the new voice's stems.

        Estimates fade, from silence where the old model has no such stem; the remainder is again
        what they leave over, so that all stems sum to the dry signal during the fade too.
        """
        weight = self._advance(dry.shape[1])
        old, new = self.old.pop(dry), self.new.pop(dry)
        before = _estimates_as(old, new.stems[:-1])
        return Passage(
            new.stems,
            cross_fade(before, new.estimates, weight),
            dry,
            lambda: cross_fade(old.mix(), new.mix(), weight),
        )

    def _advance(self, frames: int) -> FloatArray:
        """Give the new voice's weight, [frame]."""
        weight = np.ones(frames, np.float32)
        fading = self._weights[self._progress : self._progress + frames]
        weight[: fading.size] = fading
        self._progress += frames
        return weight


def _estimates_as(passage: Passage, stems: Sequence[str]) -> FloatArray:
    """Give the passage's stems under these names, silence for those it does not have."""
    known = [stem for stem in stems if stem in passage.stems]
    renamed = np.zeros((len(stems), *passage.dry.shape), np.float32)
    renamed[[stems.index(stem) for stem in known]] = passage.select(known)
    return renamed
