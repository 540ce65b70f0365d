"""The U-Net's `studio` profile: the vocals net, re-run on the rolling window, some way behind.

The delay goes to where it helps most: a long synthesis window, and a few frames of real future for
every mask. What lies beyond is guessed: the newest frame sounds on for two more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.networks.bandwidth import widen_mask
from dsp.networks.unet_shape import BIN_COUNT, GRID, GUESSED_FRAMES
from dsp.networks.windowed import WindowedSeparator
from dsp.separator import FloatArray, Lane, Profile
from dsp.stft import analyse, asymmetric_windows, synthesise

if TYPE_CHECKING:
    from dsp.networks.unet_weights import UNetWeights

RATE_HZ = 44_100
FRAME_HOP_SAMPLES = 1024
WINDOWS = asymmetric_windows(4096, 4096, FRAME_HOP_SAMPLES)
CROSS_FADE_SAMPLES = 512
LOOK_AHEAD_FRAMES = 5
CONTEXT_FRAMES = 2 * GRID - GUESSED_FRAMES
"""2.9 s; with the guessed future a multiple of what the network halves down to.

Longer contexts cost more and scored no better: 4.5 s 5.89 dB, 6 s 5.87 dB, this one 6.07 dB.
"""

PROFILE = Profile(
    name="studio",
    hop_samples=4 * FRAME_HOP_SAMPLES,
    synthesis_overlap_samples=WINDOWS.delay_samples + CROSS_FADE_SAMPLES,
    look_ahead_samples=LOOK_AHEAD_FRAMES * FRAME_HOP_SAMPLES,
    mask_lag_hops=0,
    lane=Lane.BACKGROUND,
)

_INCOMPLETE_FRAMES = WINDOWS.delay_samples // FRAME_HOP_SAMPLES


def make_studio_unet(vocals: UNetWeights) -> WindowedSeparator:
    """Make a new stream's separator around shared weights."""
    return WindowedSeparator(
        StudioWindow(vocals),
        stems=("vocals",),
        profile=PROFILE,
        rate_hz=RATE_HZ,
        window_samples=(CONTEXT_FRAMES + _INCOMPLETE_FRAMES) * FRAME_HOP_SAMPLES,
        cross_fade_samples=CROSS_FADE_SAMPLES,
    )


class StudioWindow:
    """The vocals of a window, [channel, sample] -> [stem 1, channel, kept sample]."""

    def __init__(self, vocals: UNetWeights) -> None:
        self._weights = vocals

    def __call__(self, window: FloatArray, keep: slice) -> FloatArray:
        """Separate the samples to keep; all frames around them must lie in the window."""
        if not window.any():
            return np.zeros((1, window.shape[0], keep.stop - keep.start), np.float32)
        # The first frames reach back to before the window.
        spectra = analyse(window, WINDOWS)[:, _INCOMPLETE_FRAMES:]
        first = keep.start // FRAME_HOP_SAMPLES
        needed = range(first - _INCOMPLETE_FRAMES, (keep.stop - 1) // FRAME_HOP_SAMPLES + 1)
        mask = widen_mask(self._mask(np.abs(spectra[..., :BIN_COUNT]), needed), WINDOWS.bins)
        stems = synthesise((mask * spectra[:, needed.start : needed.stop])[None], WINDOWS)
        skip = keep.start - first * FRAME_HOP_SAMPLES
        return stems[..., skip : skip + keep.stop - keep.start]

    def _mask(self, magnitudes: FloatArray, needed: range) -> FloatArray:
        """[channel, frame, bin] -> the mask of the frames needed."""
        import torch  # noqa: PLC0415 -- the profile is known without it, which takes seconds

        from dsp.networks.unet import unet_mask  # noqa: PLC0415

        guess = np.repeat(magnitudes[:, -1:], GUESSED_FRAMES, axis=1)
        heard = torch.from_numpy(np.concatenate([magnitudes, guess], axis=1))
        mask: FloatArray = unet_mask(self._weights, heard[None], needed)[0].numpy()
        return mask
