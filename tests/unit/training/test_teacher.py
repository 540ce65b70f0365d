import numpy as np
import pytest
import torch
from synthetic_audio import RATE_HZ, tone, write_audio

from dsp.networks.unet_weights import untrained_weights
from dsp.training import teacher as teacher_module
from dsp.training.manifest import Entry, Kind, Tier
from dsp.training.prepare import Judgement, judge_backing, label_songs, teacher_vocals
from dsp.training.teacher import Teacher, vocal_share_db

WIDTHS = (2, 2, 3, 3, 4, 4)


@pytest.fixture(scope="module")
def teacher():
    return Teacher(untrained_weights(WIDTHS, seed=1), untrained_weights(WIDTHS, seed=2))


class Halves:
    """A teacher who hears half of everything sing, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def vocals_of(self, mixture):
        self.asked += 1
        return 0.5 * mixture


def noise(seconds):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((2, round(seconds * RATE_HZ)))).astype(np.float32)


def test_an_estimate_is_as_long_as_the_song_and_no_louder(teacher):
    mixture = noise(1.7)
    vocals = teacher.vocals_of(mixture)
    assert vocals.shape == mixture.shape
    assert 0.0 < np.square(vocals).sum() < np.square(mixture).sum()


def test_the_two_nets_share_the_mixture(teacher):
    mixture = noise(1.0)
    swapped = Teacher(teacher.instrumental, teacher.vocals)
    total = teacher.vocals_of(mixture) + swapped.vocals_of(mixture)
    np.testing.assert_allclose(total, mixture, atol=2e-3)


def test_chunks_give_what_the_whole_song_gives(teacher, monkeypatch):
    mixture = noise(16.0)
    whole = teacher.vocals_of(mixture)
    monkeypatch.setattr(teacher_module, "_CHUNK_FRAMES", 128)
    np.testing.assert_allclose(teacher.vocals_of(mixture), whole, atol=1e-5)


def test_it_hears_the_future(teacher):
    mixture = noise(2.0)
    changed = mixture.copy()
    changed[:, RATE_HZ:] = 0.0
    before = slice(0, RATE_HZ - 8192)
    same = np.array_equal(
        teacher.vocals_of(mixture)[:, before], teacher.vocals_of(changed)[:, before]
    )
    assert not same


def test_the_share_of_vocals_by_hand():
    mixture = noise(9.0)
    vocals = mixture.copy()
    vocals[:, : 3 * RATE_HZ] *= 0.1
    vocals[:, 6 * RATE_HZ :] = 0.0
    shares = vocal_share_db(mixture, vocals)
    np.testing.assert_allclose(shares[:2], [-20.0, 0.0], atol=1e-3)
    assert shares[2] < -70.0


def test_silent_windows_have_no_share():
    mixture = noise(6.0)
    mixture[:, : 3 * RATE_HZ] = 0.0
    assert vocal_share_db(mixture, mixture).size == 1


def entry(path, kind):
    write_audio(path, tone(440, 4.0))
    return Entry(path, kind, Tier.PERMISSIVE, "")


def test_songs_are_labelled_once_and_only_songs(tmp_path, cache):
    song = entry(tmp_path / "song.wav", Kind.SONG)
    backing = entry(tmp_path / "backing.wav", Kind.BACKING)
    asked = Halves()
    assert label_songs([song, backing], cache, asked) == 1
    assert label_songs([song, backing], cache, asked) == 0
    assert asked.asked == 1
    vocals = teacher_vocals(song.path, cache).read(0, 4410)
    np.testing.assert_allclose(vocals, 0.5 * cache.open(song.path).read(0, 4410), atol=1e-4)


def test_a_judgement_is_kept(tmp_path, cache):
    backing = entry(tmp_path / "backing.wav", Kind.BACKING)
    asked = Halves()
    first = judge_backing(backing.path, cache, asked)
    assert first.median_db == pytest.approx(-6.02, abs=0.01)
    assert judge_backing(backing.path, cache, asked) == first
    assert asked.asked == 1


def test_silence_does_not_sing(tmp_path, cache):
    path = tmp_path / "silence.wav"
    write_audio(path, np.zeros((44100, 2)))
    assert judge_backing(path, cache, Halves()) == Judgement(-100.0, -100.0)


def test_torch_is_left_able_to_learn(teacher):
    teacher.vocals_of(noise(0.5))
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
