"""The studio profile: its latency, and that a re-run is the network over the same window."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsp.networks.bandwidth import widen_mask
from dsp.networks.unet import unet_mask
from dsp.networks.unet_shape import BIN_COUNT, GRID
from dsp.networks.unet_studio import (
    CONTEXT_FRAMES,
    FRAME_HOP_SAMPLES,
    GUESSED_FRAMES,
    PROFILE,
    RATE_HZ,
    WINDOWS,
    StudioWindow,
    make_studio_unet,
)
from dsp.networks.unet_weights import untrained_weights
from dsp.separator import Separator
from dsp.stft import analyse, synthesise

HOP = PROFILE.hop_samples
WINDOW = (CONTEXT_FRAMES + 3) * FRAME_HOP_SAMPLES
WEIGHTS = untrained_weights((2, 2, 3, 3, 4, 4), seed=1)


def music(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((2, samples))).astype(np.float32)


def separated(window, keep):
    """All frames masked, all samples synthesised; only then is anything left off."""
    spectra = analyse(window, WINDOWS)
    heard = np.abs(spectra[:, 3:, :BIN_COUNT])
    guessed = np.concatenate([heard, *[heard[:, -1:]] * GUESSED_FRAMES], axis=1)
    mask = unet_mask(WEIGHTS, torch.from_numpy(guessed)[None])[0].numpy()
    wide = widen_mask(mask[:, :-GUESSED_FRAMES], WINDOWS.bins)
    full = np.concatenate([np.zeros((2, 3, WINDOWS.bins), np.float32), wide], axis=1)
    return synthesise((full * spectra)[None], WINDOWS)[..., keep]


def test_it_is_a_separator_within_300_ms():
    assert isinstance(make_studio_unet(WEIGHTS), Separator)
    assert PROFILE.algorithmic_latency_samples <= 0.3 * RATE_HZ


def test_the_window_falls_on_the_grid_and_into_8_seconds():
    assert (CONTEXT_FRAMES + GUESSED_FRAMES) % GRID == 0
    assert WINDOW <= 8 * RATE_HZ


def test_what_is_kept_is_what_the_whole_window_gives():
    window = music(WINDOW)
    end = WINDOW - PROFILE.delay_samples
    for keep in (slice(end - HOP, end), slice(end - HOP + 100, end + 412)):
        np.testing.assert_allclose(
            StudioWindow(WEIGHTS)(window, keep), separated(window, keep), atol=1e-6
        )


def test_input_comes_out_at_the_stated_delay(monkeypatch):
    everything = lambda _, x, keep: torch.ones_like(x[:, :, keep.start : keep.stop])  # noqa: E731
    monkeypatch.setattr("dsp.networks.unet.unet_mask", everything)
    x = music(6 * HOP)
    delay = PROFILE.delay_samples
    stems = make_studio_unet(WEIGHTS).push(x)
    np.testing.assert_allclose(stems[0, :, delay:], x[:, : x.shape[1] - delay], atol=1e-6)
    assert np.abs(stems[0, :, :delay]).max() < 1e-6


def test_every_frame_used_has_its_look_ahead(monkeypatch):
    asked = []

    def record(_, x, keep):
        asked.append((x.shape[2], keep))
        return x[:, :, keep.start : keep.stop]

    monkeypatch.setattr("dsp.networks.unet.unet_mask", record)
    make_studio_unet(WEIGHTS).push(music(HOP))
    ((frames, keep),) = asked
    newest_heard = frames - GUESSED_FRAMES - 1
    look_ahead = PROFILE.look_ahead_samples // FRAME_HOP_SAMPLES
    assert keep.stop - 1 == newest_heard - look_ahead


def test_silence_is_not_worth_a_run(monkeypatch):
    monkeypatch.setattr("dsp.networks.unet.unet_mask", pytest.fail)
    assert not make_studio_unet(WEIGHTS).push(np.zeros((2, 3 * HOP), np.float32)).any()
