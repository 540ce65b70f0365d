"""Sound inside a hop's kernel: the spectra and samples of streaming analysis and synthesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.networks.live_hop_kernels import analyse_hop, hear_all, synthesise_hop
from dsp.networks.live_network import (
    LIVE,
    LIVE_SHORT,
    filtering_windows,
    hearing_windows,
    sound_tables,
)
from dsp.networks.sound_kernels import make_sound, silence
from dsp.stft import StreamingAnalysis, StreamingSynthesis

BINS = 2049

with_each_hop = pytest.mark.parametrize("profile", [LIVE, LIVE_SHORT], ids=lambda p: p.name)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def spectra_of(*shape, seed=0):
    parts = noise(2, *shape, seed=seed)
    spectra = (parts[0] + 1j * parts[1]).astype(np.complex64)
    spectra[..., [0, -1]] = spectra[..., [0, -1]].real
    return spectra


def sound_of(profile):
    return make_sound(sound_tables(profile), profile.hop_samples)


def assert_close(actual, expected):
    assert np.abs(actual - expected).max() <= 1e-6 * np.abs(expected).max()


@with_each_hop
@settings(deadline=None, max_examples=10)
@given(hops=st.integers(1, 20), seed=st.integers(0, 99))
def test_both_spectra_are_those_of_streaming_analysis(profile, hops, seed):
    hop, sound = profile.hop_samples, sound_of(profile)
    windows = hearing_windows(profile), filtering_windows(profile)
    x = noise(2, hops * hop, seed=seed)
    expected = [StreamingAnalysis(pair, 2).push(x) for pair in windows]
    for index in range(hops):
        heard, filtered = analyse_hop(sound, x, index * hop)
        assert_close(heard, expected[0][:, index])
        assert_close(filtered, expected[1][:, index])


@with_each_hop
@settings(deadline=None, max_examples=10)
@given(hops=st.integers(1, 6), seed=st.integers(0, 99))
def test_samples_are_those_of_streaming_synthesis(profile, hops, seed):
    hop, sound = profile.hop_samples, sound_of(profile)
    spectra = spectra_of(hops, 2, BINS, seed=seed)
    expected = StreamingSynthesis(filtering_windows(profile), 1, 2).push(
        spectra.swapaxes(0, 1)[None]
    )
    played = np.empty((1, 2, hops * hop), np.float32)
    for index in range(hops):
        synthesise_hop(sound, spectra[index], played, index * hop)
    assert_close(played, expected)


@with_each_hop
def test_what_is_not_filtered_comes_out_exactly_the_delay_later(profile):
    hop, sound = profile.hop_samples, sound_of(profile)
    x = noise(2, 12 * hop)
    played = np.empty((1, 2, 12 * hop), np.float32)
    for first in range(0, 12 * hop, hop):
        _, spectra = analyse_hop(sound, x, first)
        synthesise_hop(sound, spectra, played, first)
    delay = profile.delay_samples
    assert_close(played[0, :, delay:], x[:, :-delay])
    assert np.abs(played[0, :, :delay]).max() <= 1e-6


@with_each_hop
def test_what_is_heard_of_many_hops_is_what_is_heard_of_each(profile):
    hop, many, one = profile.hop_samples, sound_of(profile), sound_of(profile)
    x, heard = noise(2, 9 * hop), np.empty((9, 2, BINS), np.complex64)
    hear_all(many, x, heard)
    for index in range(9):
        assert np.array_equal(heard[index], analyse_hop(one, x, index * hop)[0])
    assert np.array_equal(many.parts.past, one.parts.past)


def test_channels_that_share_a_transform_hardly_meet():
    sound = sound_of(LIVE)
    x = noise(2, 512)
    x[1] = 0.0
    for spectra in analyse_hop(sound, x, 0):
        assert np.abs(spectra[1]).max() <= 3e-7 * np.abs(spectra[0]).max()


def test_after_silence_nothing_is_left_of_before():
    used, fresh = sound_of(LIVE), sound_of(LIVE)
    x, played = noise(2, 2, 1024), np.empty((2, 1, 2, 1024), np.float32)
    for first in (0, 512):
        _, spectra = analyse_hop(used, x[0], first)
        synthesise_hop(used, spectra, played[0], first)
    silence(used.parts)
    for sound, out in zip((used, fresh), played, strict=True):
        for first in (0, 512):
            _, spectra = analyse_hop(sound, x[1], first)
            synthesise_hop(sound, spectra, out, first)
    assert np.array_equal(played[0], played[1])


def test_silence_is_analysed_and_played_as_silence():
    sound, played = sound_of(LIVE), np.ones((1, 2, 512), np.float32)
    heard, spectra = analyse_hop(sound, np.zeros((2, 512), np.float32), 0)
    assert not heard.any()
    synthesise_hop(sound, spectra, played, 0)
    assert not played.any()
