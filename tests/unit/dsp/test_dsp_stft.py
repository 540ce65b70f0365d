"""Perfect reconstruction, exact delay, and streaming = offline for every window pair."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import SignalError
from dsp.stft import (
    StreamingAnalysis,
    StreamingSynthesis,
    WindowPair,
    analyse,
    asymmetric_windows,
    low_delay_windows,
    reconstructing_window,
    rise_and_fall,
    synthesise,
)

PAIRS = [
    (4096, 1024, 512),
    (4096, 512, 256),
    (4096, 2048, 1024),
    (4096, 4096, 1024),
    (4096, 2048, 512),
    (2048, 256, 128),
    (96, 48, 12),
    (30, 18, 6),
]
small_pairs = st.builds(
    lambda hop, overlap, extra: (2 * hop * overlap + 2 * extra, 2 * hop * overlap, 2 * hop),
    hop=st.integers(1, 24),
    overlap=st.integers(2, 6),
    extra=st.integers(0, 100),
)


def noise(frames: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((channels, frames)).astype(np.float32)


def assert_reconstructs(windows: WindowPair) -> None:
    dry = noise(40 * windows.hop_samples)
    again = synthesise(analyse(dry, windows)[None], windows)[0]
    error = np.abs(again - dry[:, : again.shape[1]]).max()
    assert error <= 1e-6 * np.abs(dry).max()


@pytest.mark.parametrize("pair", PAIRS)
def test_reconstruction_is_perfect(pair) -> None:
    assert_reconstructs(asymmetric_windows(*pair))


@pytest.mark.parametrize(
    ("analysis", "hop", "fall"),
    [(4096, 512, None), (4096, 256, 128), (4096, 256, 512), (1024, 512, None), (64, 8, 4)],
)
def test_reconstruction_through_low_delay_windows_is_perfect(analysis, hop, fall) -> None:
    windows = low_delay_windows(analysis, hop, fall)
    assert windows.delay_samples == hop
    longest = np.flatnonzero(np.diff(windows.analysis) > 0).max() + 1
    assert analysis - longest == pytest.approx(hop if fall is None else fall, abs=1)
    assert_reconstructs(windows)


def test_low_delay_windows_multiply_to_a_hann_window_over_the_synthesis() -> None:
    windows = low_delay_windows(4096, 512)
    hann = np.sin(np.pi * (np.arange(1024) + 0.5) / 1024) ** 2
    assert np.allclose(windows.analysis[-1024:] * windows.synthesis, hann, atol=1e-6)
    assert windows.synthesis.max() < 1.1  # nothing that a mask gets wrong is blown up


def test_low_delay_windows_that_cannot_reconstruct_are_refused() -> None:
    with pytest.raises(SignalError, match="analysis at least as long as synthesis"):
        low_delay_windows(512, 512)


@given(small_pairs)
@settings(deadline=None)
def test_reconstruction_is_perfect_for_any_lengths(pair) -> None:
    assert_reconstructs(asymmetric_windows(*pair))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_windows_products_overlap_add_to_one(pair) -> None:
    windows = asymmetric_windows(*pair)
    product = windows.analysis[-windows.synthesis.size :] * windows.synthesis
    assert np.allclose(product.reshape(-1, windows.hop_samples).sum(axis=0), 1.0, atol=1e-6)


def test_the_live_analysis_window_rises_long_and_falls_short() -> None:
    window = asymmetric_windows(4096, 1024, 512).analysis
    assert np.all(np.diff(window[:3072]) >= 0)
    assert np.all(np.diff(window[3072:]) <= 0)
    assert window[1536] == pytest.approx(0.5, abs=1e-3)
    assert window[3072 + 512] == pytest.approx(0.5, abs=2e-3)


def test_equal_lengths_give_the_symmetric_hann_pair() -> None:
    windows = asymmetric_windows(4096, 4096, 1024)
    hann = np.sin(np.pi * (np.arange(4096) + 0.5) / 4096) ** 2
    assert np.allclose(windows.analysis, hann, atol=1e-6)
    assert np.allclose(windows.synthesis, hann / 1.5, atol=1e-6)


def test_the_synthesis_window_fades_at_both_ends() -> None:
    synthesis = asymmetric_windows().synthesis
    assert max(synthesis[0], synthesis[-1]) < 1e-4 * synthesis.max()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
@settings(deadline=None)
def test_streaming_equals_offline_for_every_partition(hops) -> None:
    windows = asymmetric_windows(64, 32, 8)
    dry = noise(8 * sum(hops))
    analysis, synthesis = StreamingAnalysis(windows, 2), StreamingSynthesis(windows, 1, 2)
    ends = np.cumsum([0, *hops]) * 8
    spectra = [analysis.push(dry[:, a:b]) for a, b in itertools.pairwise(ends)]
    samples = [synthesis.push(part[None]) for part in spectra]
    offline = analyse(dry, windows)
    assert np.array_equal(np.concatenate(spectra, axis=1), offline)
    whole = StreamingSynthesis(windows, 1, 2).push(offline[None])
    assert np.array_equal(np.concatenate(samples, axis=-1), whole)


@pytest.mark.parametrize("pair", PAIRS)
def test_an_impulse_comes_out_exactly_the_delay_later(pair) -> None:
    windows = asymmetric_windows(*pair)
    dry = np.zeros((1, 24 * windows.hop_samples), np.float32)
    dry[0, 5 * windows.hop_samples + 3] = 1.0
    spectra = StreamingAnalysis(windows, 1).push(dry)
    wet = StreamingSynthesis(windows, 1, 1).push(spectra[None])[0, 0]
    at = 5 * windows.hop_samples + 3 + windows.synthesis.size - windows.hop_samples
    assert windows.delay_samples == windows.synthesis.size - windows.hop_samples
    assert np.argmax(np.abs(wet)) == at
    assert wet[at] == pytest.approx(1.0, abs=1e-5)


def test_later_input_never_changes_earlier_frames() -> None:
    windows = asymmetric_windows(64, 32, 8)
    dry = noise(160)
    changed = dry.copy()
    changed[:, 80:] = 9.0
    assert np.array_equal(analyse(dry, windows)[:, :10], analyse(changed, windows)[:, :10])


def test_restore_goes_on_from_the_snapshot_and_reset_from_silence() -> None:
    windows = asymmetric_windows(64, 32, 8)
    analysis, synthesis = StreamingAnalysis(windows, 2), StreamingSynthesis(windows, 3, 2)

    def step(samples: np.ndarray) -> np.ndarray:
        return synthesis.push(np.stack([analysis.push(samples)] * 3))

    first = step(noise(24))
    kept = analysis.snapshot(), synthesis.snapshot()
    second = step(noise(40))
    analysis.restore(kept[0])
    synthesis.restore(kept[1])
    assert np.array_equal(step(noise(40)), second)
    analysis.reset()
    synthesis.reset()
    assert np.array_equal(step(noise(24)), first)


def test_spectra_are_single_precision() -> None:
    windows = asymmetric_windows(64, 32, 8)
    spectra = analyse(noise(16), windows)
    assert (spectra.dtype, spectra.shape) == (np.complex64, (2, 2, windows.bins))


def test_any_prototype_can_be_made_to_reconstruct() -> None:
    analysis = rise_and_fall(48, 16)
    synthesis = reconstructing_window(analysis, np.ones(16), 8)
    assert np.allclose((analysis[-16:] * synthesis).reshape(2, 8).sum(axis=0), 1.0)


@pytest.mark.parametrize("pair", [(64, 32, 0), (64, 8, 8), (64, 20, 8), (16, 32, 8), (65, 32, 8)])
def test_lengths_that_cannot_reconstruct_are_refused(pair) -> None:
    with pytest.raises(SignalError):
        asymmetric_windows(*pair)


def test_broken_hops_and_other_shapes_are_refused() -> None:
    windows = asymmetric_windows(64, 32, 8)
    with pytest.raises(SignalError, match=r"\[2, n \* 8\]"):
        StreamingAnalysis(windows, 2).push(noise(9))
    with pytest.raises(SignalError, match=r"\[2, n \* 8\]"):
        StreamingAnalysis(windows, 2).push(noise(8, channels=1))
    with pytest.raises(SignalError, match=r"\[1, 2, n, 33\]"):
        StreamingSynthesis(windows, 1, 2).push(np.zeros((1, 2, 3, 32), np.complex64))
