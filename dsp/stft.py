"""Streaming analysis and synthesis with a long analysis and a short synthesis window.

Frequency resolution comes from the analysis window, latency from the synthesis window alone, so the
pair may be asymmetric: Mauler & Martin, "A low delay, variable resolution, perfect reconstruction
spectral analysis-synthesis system for speech enhancement", EUSIPCO 2007.

Frame ``t`` of a stream holds the ``analysis_samples`` samples that end with hop ``t``; before the
stream's first sample there is silence. Synthesis trails by ``synthesis_samples - hop_samples``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.errors import SignalError
from dsp.framing import FRAMES_AT_ONCE, cut_frames, move_on
from dsp.overlap_add import overlap_add

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class WindowPair:
    """Windows whose product overlap-adds to one; float32.

    ``analysis`` [analysis_samples], ``synthesis`` [synthesis_samples], which lies over the newest
    samples of a frame.
    """

    analysis: FloatArray
    synthesis: FloatArray
    hop_samples: int

    @property
    def bins(self) -> int:
        """Frequencies of one frame."""
        return self.analysis.size // 2 + 1

    @property
    def delay_samples(self) -> int:
        """By how much synthesis trails analysis."""
        return self.synthesis.size - self.hop_samples


def asymmetric_windows(
    analysis_samples: int = 4096, synthesis_samples: int = 1024, hop_samples: int = 512
) -> WindowPair:
    """Long Hann rise, short Hann fall, and the synthesis window that reconstructs perfectly.

    The fall is as long as the synthesis window, but never longer than the rise: with
    ``synthesis_samples == analysis_samples`` this is the symmetric Hann pair. Raises SignalError
    for lengths that cannot reconstruct.
    """
    _check_lengths(analysis_samples, synthesis_samples, hop_samples)
    fall_samples = min(synthesis_samples, analysis_samples // 2)
    analysis = rise_and_fall(analysis_samples - fall_samples, fall_samples)
    synthesis = reconstructing_window(
        analysis, rise_and_fall(synthesis_samples // 2, synthesis_samples // 2), hop_samples
    )
    return WindowPair(analysis.astype(np.float32), synthesis.astype(np.float32), hop_samples)


def low_delay_windows(
    analysis_samples: int, hop_samples: int, fall_samples: int | None = None
) -> WindowPair:
    """Give the pair that resynthesises masked spectra best at a delay of one hop.

    The roots of a long Hann rise and of a fall of one hop, or as told; where the synthesis window
    lies, both multiply to a Hann window of two hops. Errors of a mask fade towards both ends, and
    the newest samples weigh more than under a longer fall.

    Reference: Mauler & Martin, EUSIPCO 2007, section 3.
    """
    _check_lengths(analysis_samples, 2 * hop_samples, hop_samples)
    fall = hop_samples if fall_samples is None else fall_samples
    analysis = np.sqrt(rise_and_fall(analysis_samples - fall, fall))
    hann = rise_and_fall(hop_samples, hop_samples)
    synthesis = hann / analysis[-hann.size :]
    return WindowPair(analysis.astype(np.float32), synthesis.astype(np.float32), hop_samples)


def rise_and_fall(rise_samples: int, fall_samples: int) -> npt.NDArray[np.float64]:
    """Half a Hann window up, half a Hann window down: [rise_samples + fall_samples].

    Sampled between the points of the periodic window, so that no sample is zero.
    """
    rise = np.sin(np.pi / 2 * (np.arange(rise_samples) + 0.5) / rise_samples) ** 2
    fall = np.cos(np.pi / 2 * (np.arange(fall_samples) + 0.5) / fall_samples) ** 2
    return np.concatenate([rise, fall])


def reconstructing_window(
    analysis: npt.NDArray[np.float64], prototype: npt.NDArray[np.float64], hop_samples: int
) -> npt.NDArray[np.float64]:
    """Scale the prototype so that analysis times synthesis overlap-adds to one.

    ``analysis`` [analysis_samples], ``prototype`` [synthesis_samples]; the result has the
    prototype's shape. Mauler & Martin divide a Hann product by the analysis window instead; their
    synthesis window then ends abruptly at the newest sample where the fall does, and a mask's
    circular errors are heard there.
    """
    newest = analysis[-prototype.size :]
    overlap = (newest * prototype).reshape(-1, hop_samples).sum(axis=0)
    return prototype / np.tile(overlap, prototype.size // hop_samples)


def _check_lengths(analysis_samples: int, synthesis_samples: int, hop_samples: int) -> None:
    if hop_samples < 1 or synthesis_samples < 2 * hop_samples or synthesis_samples % hop_samples:
        raise SignalError(
            f"synthesis window of {synthesis_samples} samples at hop {hop_samples}: "
            "a whole number of hops, at least two"
        )
    if analysis_samples < synthesis_samples or analysis_samples % 2 or synthesis_samples % 2:
        raise SignalError(
            f"windows of {analysis_samples} and {synthesis_samples} samples: even lengths, "
            "analysis at least as long as synthesis"
        )


@dataclass
class _AnalysisState:
    """The newest ``analysis - hop`` input samples: [channel, sample]."""

    past: FloatArray


class StreamingAnalysis:
    """Samples to spectra, a whole number of hops at a time, with no delay of its own."""

    def __init__(self, windows: WindowPair, channels: int) -> None:
        self.windows = windows
        past_samples = windows.analysis.size - windows.hop_samples
        self._window = windows.analysis[None]
        self._state = _AnalysisState(np.zeros((channels, past_samples), np.float32))

    def push(self, samples: FloatArray) -> ComplexArray:
        """[channel, n * hop] to [channel, n, bin], complex64.

        Raises SignalError for another channel count or a broken hop.
        """
        self._check(samples)
        past, samples = self._state.past, np.ascontiguousarray(samples, np.float32)
        count = samples.shape[1] // self.windows.hop_samples
        frames = np.empty((1, past.shape[0], count, self._window.shape[1]), np.float32)
        for first in range(0, count, FRAMES_AT_ONCE):
            cut_frames(past, samples, self._window, first, frames)
        move_on(past, samples)
        spectra: ComplexArray = fft.rfft(frames[0], axis=-1, overwrite_x=True)
        return spectra

    def reset(self) -> None:
        """Silence before the next sample."""
        self._state.past.fill(0.0)

    def snapshot(self) -> _AnalysisState:
        """Copy the state, for ``restore``."""
        return _AnalysisState(self._state.past.copy())

    def restore(self, state: _AnalysisState) -> None:
        """Go on from a snapshot."""
        self._state.past[:] = state.past

    def _check(self, samples: FloatArray) -> None:
        channels, hop = self._state.past.shape[0], self.windows.hop_samples
        if samples.ndim != 2 or samples.shape[0] != channels or samples.shape[1] % hop:
            raise SignalError(f"samples {samples.shape}: [{channels}, n * {hop}] expected")


@dataclass
class _SynthesisState:
    """Hops that are not finished yet, [stem, channel, slot, hop], and the slot of the oldest."""

    ring: FloatArray
    slot: int = 0


class StreamingSynthesis:
    """Spectra back to samples; output trails the analysis input by ``windows.delay_samples``."""

    def __init__(self, windows: WindowPair, stems: int, channels: int) -> None:
        self.windows = windows
        slots = windows.synthesis.size // windows.hop_samples
        ring = np.zeros((stems, channels, slots, windows.hop_samples), np.float32)
        self._state = _SynthesisState(ring)

    def push(self, spectra: ComplexArray) -> FloatArray:
        """[stem, channel, n, bin] to [stem, channel, n * hop].

        Raises SignalError for another number of stems, channels or bins.
        """
        self._check(spectra)
        stems, channels, frame_count, _ = spectra.shape
        samples = np.empty((stems, channels, frame_count * self.windows.hop_samples), np.float32)
        frames: FloatArray = fft.irfft(spectra, n=self.windows.analysis.size, axis=-1)
        state = self._state
        state.slot = overlap_add(frames, self.windows.synthesis, state.ring, state.slot, samples)
        return samples

    def reset(self) -> None:
        """Silence before the next frame."""
        self._state.ring.fill(0.0)
        self._state.slot = 0

    def snapshot(self) -> _SynthesisState:
        """Copy the state, for ``restore``."""
        return _SynthesisState(self._state.ring.copy(), self._state.slot)

    def restore(self, state: _SynthesisState) -> None:
        """Go on from a snapshot."""
        self._state.ring[:] = state.ring
        self._state.slot = state.slot

    def _check(self, spectra: ComplexArray) -> None:
        stems, channels = self._state.ring.shape[:2]
        expected = (stems, channels, self.windows.bins)
        if spectra.ndim != 4 or (*spectra.shape[:2], spectra.shape[3]) != expected:
            raise SignalError(
                f"spectra {spectra.shape}: [{stems}, {channels}, n, {self.windows.bins}] expected"
            )


def analyse(samples: FloatArray, windows: WindowPair) -> ComplexArray:
    """Every frame of a whole signal at once: [channel, n * hop] to [channel, n, bin]."""
    return StreamingAnalysis(windows, samples.shape[0]).push(samples)


def synthesise(spectra: ComplexArray, windows: WindowPair) -> FloatArray:
    """Give a whole signal from all its frames, aligned with the analysed samples.

    [stem, channel, n, bin] to [stem, channel, n * hop - windows.delay_samples]: the end, which
    later frames would complete, is left off.
    """
    synthesis = StreamingSynthesis(windows, *spectra.shape[:2])
    return synthesis.push(spectra)[..., windows.delay_samples :]
