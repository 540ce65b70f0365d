from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.training.augment import level
from dsp.training.config import AugmentConfig, DrawConfig
from dsp.training.mixer import Mixer
from dsp.training.pcm_cache import Recording
from dsp.training.tracks import Library, Song, Track

CHANCES = (
    "varispeed",
    "equalise",
    "band_limit",
    "high_pass",
    "width",
    "noise",
    "saturate",
    "double",
    "echo",
    "reverberate",
)
UNCHANGED = AugmentConfig(**dict.fromkeys(CHANCES, 0.0), pan_db=0.0)


def recording(seed, seconds=2.0, channels=2):
    rng = np.random.default_rng(seed)
    return Recording(rng.integers(-8000, 8000, (round(seconds * 44100), channels), dtype=np.int16))


def track(name, seed, **shape):
    return Track(name, ((recording(seed, **shape), 1.0),))


def estimate(name, seed):
    return replace(track(name, seed), estimated=True)


@pytest.fixture(scope="module")
def library():
    songs = {
        "stems": (Song("a", track("a", 1), track("a", 2)),),
        "karaoke": (),
        "teacher": (Song("b", estimate("b", 3), estimate("b", 4)),),
    }
    voices = {
        "sung": (track("s", 5, channels=1),),
        "spoken": (),
        "song": tuple(song.vocals for pool in songs.values() for song in pool),
    }
    return Library(songs, voices, (track("c", 6), track("d", 7, seconds=0.3)))


def make_mixer(library, augment=None, **draw):
    return Mixer(library, DrawConfig(seconds=0.5, **draw), augment or AugmentConfig())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), index=st.integers(0, 2**31))
def test_an_example_is_its_seed_and_index(library, seed, index):
    first = make_mixer(library).example(seed, index)
    second = make_mixer(library).example(seed, index)
    assert np.array_equal(first.vocals, second.vocals)
    assert np.array_equal(first.band, second.band)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_stems_sum_to_the_mixture_and_are_sane(library, seed):
    mixer = make_mixer(library)
    example = mixer.example(seed, 0)
    assert np.array_equal(example.mixture, example.vocals + example.band)
    for side in (example.vocals, example.band):
        assert side.shape == (2, DrawConfig(seconds=0.5).frames)
        assert side.dtype == np.float32
        assert np.isfinite(side).all()
        assert np.abs(side).max() < 30.0


def test_neighbouring_examples_differ(library):
    mixer = make_mixer(library)
    mixtures = [mixer.example(1, index).mixture for index in range(6)]
    assert all(not np.array_equal(mixtures[0], other) for other in mixtures[1:])


def test_an_unchanged_matched_song_is_the_song(library):
    mixer = make_mixer(
        library, UNCHANGED, matched_share=1.0, no_vocals_share=0.0, no_band_share=0.0
    )
    example = mixer.example(1, 1)
    for side, tracks in ((example.vocals, ("a", "b")), (example.band, ("a", "b"))):
        songs = [s for pool in library.songs.values() for s in pool if s.name in tracks]
        sources = [s.vocals if side is example.vocals else s.band for s in songs]
        whole = [np.abs(t.read(0, t.frames)) for t in sources]
        # Somewhere in one of them, up to gain, polarity and channel order.
        found = [_best_match(np.abs(side).sum(axis=0), w.sum(axis=0)) for w in whole]
        assert max(found) > 0.999


@pytest.mark.parametrize(("side", "shares"), [("vocals", (1.0, 0.0)), ("band", (0.0, 1.0))])
def test_a_side_is_silent_as_often_as_asked_for(library, side, shares):
    no_vocals, no_band = shares
    mixer = make_mixer(library, no_vocals_share=no_vocals, no_band_share=no_band)
    example = mixer.example(1, 1)
    assert not getattr(example, side).any()
    assert example.mixture.any()


@pytest.mark.parametrize(
    ("side", "shares", "pure"),
    [("band", (1.0, 0.0), {"a", "c", "d"}), ("vocals", (0.0, 1.0), {"a", "s"})],
)
def test_what_sounds_alone_is_never_an_estimate(library, monkeypatch, side, shares, pure):
    read = []
    at = Track.read
    monkeypatch.setattr(Track, "read", lambda t, *where: (read.append(t), at(t, *where))[1])
    mixer = make_mixer(library, no_vocals_share=shares[0], no_band_share=shares[1])
    for index in range(40):
        assert getattr(mixer.example(1, index), side).any()
    assert {t.name for t in read} == pure
    assert not any(t.estimated for t in read)


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0)])
def test_where_all_are_estimates_nothing_sounds_alone(library, shares):
    song = library.songs["teacher"][0]
    only = Library({"teacher": (song,)}, {"song": (song.vocals,)}, ())
    mixer = make_mixer(only, no_vocals_share=shares[0], no_band_share=shares[1])
    example = mixer.example(1, 0)
    assert example.vocals.any()
    assert example.band.any()


def test_mixtures_have_the_level_asked_for(library):
    mixer = make_mixer(library, mixture_db=(-18.0, 0.0))
    for index in range(5):
        assert level.db_of(mixer.example(1, index).mixture) == pytest.approx(-18.0, abs=0.1)


def test_random_pairs_have_the_balance_asked_for(library):
    mixer = make_mixer(
        library,
        UNCHANGED,
        matched_share=0.0,
        voice_over_band_db=(4.0, 0.0),
        no_vocals_share=0.0,
        no_band_share=0.0,
    )
    example = mixer.example(1, 3)
    difference = level.db_of(example.vocals) - level.db_of(example.band)
    assert difference == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize("change", ["formants", "harmonise"])
def test_voices_are_changed_where_asked_for(library, change):
    drawn = {"matched_share": 0.0, "extra_voice_shares": (1.0, 0.0, 0.0)}
    plain = make_mixer(library, UNCHANGED, **drawn).example(1, 0)
    changed = make_mixer(library, replace(UNCHANGED, **{change: 1.0}), **drawn).example(1, 0)
    assert not np.allclose(changed.vocals, plain.vocals, atol=1e-3)


def test_voices_and_backings_are_enough():
    no_songs = Library({"stems": ()}, {"sung": (track("s", 5),)}, (track("c", 6),))
    example = make_mixer(no_songs, matched_share=0.9, no_vocals_share=0.0).example(1, 0)
    assert example.vocals.any()


def test_songs_are_enough(library):
    only = Library(library.songs, {"song": library.voices["song"]}, ())
    mixer = make_mixer(only, matched_share=0.0, no_band_share=0.0, song_band_share=0.0)
    assert mixer.example(1, 0).band.any()


def _best_match(part, whole):
    """Highest normalised correlation of a stretch with any place in a whole."""
    size = part.size
    products = (
        np.correlate(whole, part, mode="valid") if whole.size < 1 << 10 else _fast(whole, part)
    )
    energy = np.cumsum(np.concatenate([[0.0], np.square(whole, dtype=np.float64)]))
    norms = np.sqrt((energy[size:] - energy[:-size]) * np.square(part, dtype=np.float64).sum())
    return float((products / norms).max())


def _fast(whole, part):
    spectra = np.fft.rfft(whole) * np.conj(np.fft.rfft(part, whole.size))
    return np.fft.irfft(spectra, whole.size)[: whole.size - part.size + 1]
