"""The end of a frame is the end of its inverse transform, for any number of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import fft

from dsp.frame_end import FrameEnd

FEW_PARTS, MORE_PARTS = st.integers(1, 3), st.integers(4, 9)


def noise(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def assert_is_the_end(spectra, frame_samples, kept_samples):
    ends = FrameEnd(frame_samples, kept_samples).of(spectra)
    whole = fft.irfft(spectra, n=frame_samples, axis=-1)
    assert ends.dtype == np.float32
    assert np.abs(ends[..., -kept_samples:] - whole[..., -kept_samples:]).max() <= 1e-6
    return ends


@given(
    parts=MORE_PARTS,
    kept=st.integers(1, 20),
    channels=st.integers(1, 3),
    frames=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_the_end_of_each_frame_is_found_alone(*, parts, kept, channels, frames, seed):
    frame_samples = 2 * parts * kept
    spectra = noise(2, channels, frames, frame_samples // 2 + 1, seed=seed)
    ends = assert_is_the_end(spectra, frame_samples, 2 * kept)
    assert ends.shape == (2, channels, frames, 2 * kept)


@given(parts=FEW_PARTS, kept=st.integers(1, 20), seed=st.integers(0, 99))
def test_whole_frames_are_found_where_that_is_as_quick(parts, kept, seed):
    frame_samples = 2 * parts * kept
    spectra = noise(1, 2, 1, frame_samples // 2 + 1, seed=seed)
    assert assert_is_the_end(spectra, frame_samples, 2 * kept).shape[-1] == frame_samples


def test_lengths_that_do_not_divide_are_found_too():
    assert_is_the_end(noise(1, 1, 1, 26), 50, 12)


@pytest.mark.parametrize("kept", [512, 1024])
def test_what_a_frame_gives_does_not_depend_on_the_others(kept):
    spectra, end = noise(1, 2, 5, 2049), FrameEnd(4096, kept)
    apart = [end.of(spectra[:, :, frame : frame + 1]) for frame in range(5)]
    assert np.array_equal(np.concatenate(apart, axis=2), end.of(spectra))


def test_channels_that_share_a_transform_hardly_meet():
    spectra = noise(1, 2, 1, 2049)
    spectra[:, 1] = 0.0
    left, right = FrameEnd(4096, 1024).of(spectra)[0]
    assert np.abs(right).max() <= 1e-7 * np.abs(left).max()


def test_spectra_are_left_as_they_were():
    spectra = noise(1, 2, 1, 2049)
    before = spectra.copy()
    FrameEnd(4096, 1024).of(spectra)
    assert np.array_equal(spectra, before)
