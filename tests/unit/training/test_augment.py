import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.training.augment import drive, formants, harmony, level, pitch, space, tone

RATE_HZ = 44100
FRAMES = 22050
seeds = st.integers(0, 2**32)

DRAWN = {
    "pan": lambda x, rng: level.pan(x, rng, 6.0),
    "width": level.width,
    "flip": level.flip,
    "equalise": lambda x, rng: tone.Curve().equalised(rng, 6.0).apply(x, RATE_HZ),
    "band_limit": lambda x, rng: tone.Curve().band_limited(rng, RATE_HZ).apply(x, RATE_HZ),
    "high_pass": lambda x, rng: tone.Curve().high_passed(rng).apply(x, RATE_HZ),
    "reverberate": lambda x, rng: space.reverberate(x, rng, RATE_HZ),
    "echo": lambda x, rng: space.echo(x, rng, RATE_HZ),
    "double": lambda x, rng: space.double(x, rng, RATE_HZ),
    "shift_formants": lambda x, rng: formants.shift_formants(x, rng, RATE_HZ),
    "harmonise": lambda x, rng: harmony.harmonise(x, rng, RATE_HZ),
    "saturate": drive.saturate,
    "add_noise": drive.add_noise,
}


def noise(frames=FRAMES, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, frames))).astype(np.float32)


def sine(hz, frames=FRAMES):
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(frames) / RATE_HZ)
    return np.stack([wave, wave]).astype(np.float32)


@pytest.mark.parametrize("name", DRAWN)
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_the_same_seed_gives_the_same_samples(name, seed):
    first, second = (DRAWN[name](noise(), np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (2, FRAMES)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()


@pytest.mark.parametrize("name", DRAWN)
def test_another_seed_gives_other_samples(name):
    results = [DRAWN[name](noise(), np.random.default_rng(seed)) for seed in range(8)]
    assert any(not np.array_equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "add_noise"])
def test_silence_stays_silence(name):
    silence = np.zeros((2, FRAMES), np.float32)
    assert not DRAWN[name](silence, np.random.default_rng(1)).any()


@pytest.mark.parametrize("name", DRAWN)
def test_the_input_is_left_as_it_was(name):
    x = noise()
    before = x.copy()
    DRAWN[name](x, np.random.default_rng(1))
    assert np.array_equal(x, before)


@pytest.mark.parametrize("target_db", [-40.0, -18.0, -3.0])
def test_a_level_asked_for_is_the_level_there(target_db):
    assert level.db_of(level.to_level(noise(), target_db)) == pytest.approx(target_db, abs=0.01)


def test_rests_do_not_count_into_the_level():
    halved = noise()
    halved[:, : FRAMES // 2] = 0.0
    assert level.db_of(halved) == pytest.approx(level.db_of(noise()), abs=0.5)


def test_near_silence_is_not_blown_up():
    faint = noise() * np.float32(1e-5)
    assert np.array_equal(level.to_level(faint, -10.0), faint)


@given(seed=seeds)
def test_panning_keeps_the_loudness_of_mono(seed):
    mono = np.repeat(noise(channels=1), 2, axis=0)
    panned = level.pan(mono, np.random.default_rng(seed), 9.0)
    assert level.db_of(panned) == pytest.approx(level.db_of(mono), abs=0.01)
    left, right = np.sqrt(np.square(panned).sum(axis=1))
    assert abs(20 * np.log10(left / right)) <= 9.01


@given(seed=seeds)
def test_width_leaves_the_middle(seed):
    x = noise()
    narrowed = level.width(x, np.random.default_rng(seed))
    np.testing.assert_allclose(narrowed.mean(axis=0), x.mean(axis=0), atol=1e-6)
    assert np.abs(narrowed[0] - narrowed[1]).max() <= np.abs(x[0] - x[1]).max() + 1e-6


@given(seed=seeds)
def test_flipping_twice_the_same_way_is_no_flip(seed):
    x = noise()
    once = level.flip(x, np.random.default_rng(seed))
    assert np.array_equal(level.flip(once, np.random.default_rng(seed)), x)


def test_a_flat_curve_touches_nothing():
    x = noise()
    assert tone.Curve().apply(x, RATE_HZ) is x


def test_a_curve_is_the_response_it_says():
    curve = tone.Curve().equalised(np.random.default_rng(4), 6.0)
    for hz in (150.0, 1000.0, 6000.0):
        middle = slice(4410, -4410)
        out = curve.apply(sine(hz), RATE_HZ)[:, middle]
        measured = np.abs(out).max() / np.abs(sine(hz)[:, middle]).max()
        assert measured == pytest.approx(curve.gains(np.array([hz]))[0], rel=0.02)


def test_a_band_limit_cuts_above_and_only_above():
    curve = tone.Curve(high_cut_hz=8000.0)
    assert np.abs(curve.apply(sine(12000.0), RATE_HZ)[:, 4410:-4410]).max() < 1e-3
    np.testing.assert_allclose(
        curve.apply(sine(1000.0), RATE_HZ)[:, 4410:-4410], sine(1000.0)[:, 4410:-4410], atol=1e-3
    )


def test_a_high_pass_falls_by_twelve_decibels_per_octave():
    gains = tone.Curve(low_cut_hz=200.0).gains(np.array([50.0, 100.0, 200.0, 1000.0]))
    np.testing.assert_allclose(20 * np.log10(gains), [-24.1, -12.0, 0.0, 0.0], atol=0.1)


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_faster_is_higher_by_the_same_factor(speed):
    x = sine(1000.0, pitch.frames_needed(FRAMES, speed))
    y = pitch.varispeed(x, speed, FRAMES)
    assert y.shape == (2, FRAMES)
    peak = np.argmax(np.abs(np.fft.rfft(y[0]))) * RATE_HZ / FRAMES
    assert peak == pytest.approx(1000.0 * speed, abs=2.1)


@given(seed=seeds)
def test_a_drawn_speed_stays_within_its_semitones(seed):
    speed = pitch.draw_speed(np.random.default_rng(seed), 4.0)
    assert abs(12 * np.log2(speed)) <= 4.0


@pytest.mark.parametrize("effect", [space.reverberate, space.echo, space.double])
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_space_never_comes_before_the_sound(effect, seed):
    x = noise()
    x[:, : FRAMES // 2] = 0.0
    wet = effect(x, np.random.default_rng(seed), RATE_HZ)
    # A doubling interpolates between two samples: it may begin one earlier than its delay.
    assert np.abs(wet[:, : FRAMES // 2 - 1]).max() < 1e-6


def test_a_room_rings_on_after_the_sound():
    x = np.zeros((2, FRAMES), np.float32)
    x[:, 100] = 1.0
    wet = space.reverberate(x, np.random.default_rng(0), RATE_HZ)
    assert np.square(wet[:, 5000:]).sum() > 0.0
    assert not np.array_equal(wet[0], wet[1])


@given(seed=seeds)
def test_saturation_only_bends_down(seed):
    x = noise()
    bent = drive.saturate(x, np.random.default_rng(seed))
    assert (np.abs(bent) <= np.abs(x) + 1e-6).all()
    assert (bent * x >= 0.0).all()


@given(seed=seeds)
def test_the_noise_floor_stays_below_its_limit(seed):
    floor = drive.add_noise(np.zeros((2, FRAMES), np.float32), np.random.default_rng(seed))
    assert level.db_of(floor) < -59.0
