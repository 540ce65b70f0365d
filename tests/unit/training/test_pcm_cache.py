import numpy as np
import pytest
import soundfile
from synthetic_audio import RATE_HZ, tone, write_audio

from dsp.training.errors import TrainingDataError
from dsp.training.pcm_cache import decode

STEP = 1.0 / 32767


def test_decoding_keeps_samples_to_half_a_step(tmp_path, cache):
    audio = tmp_path / "a.wav"
    samples = tone(440, 0.5)
    soundfile.write(audio, samples, RATE_HZ, subtype="FLOAT")
    read = cache.open(audio).read(0, samples.shape[0])
    assert np.abs(read.T - samples).max() <= 0.51 * STEP


def test_other_rates_are_resampled(tmp_path, cache):
    audio = tmp_path / "a.wav"
    time = np.arange(16000) / 16000
    write_audio(audio, 0.3 * np.sin(2 * np.pi * 440 * time), 16000)
    recording = cache.open(audio)
    assert recording.frames == pytest.approx(RATE_HZ, abs=2)
    spectrum = np.abs(np.fft.rfft(recording.read(0, RATE_HZ)[0]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=1)


def test_mono_reads_as_two_equal_channels(tmp_path, cache):
    audio = tmp_path / "a.wav"
    write_audio(audio, tone(440, 0.1, channels=1))
    left, right = cache.open(audio).read(100, 1000)
    assert np.array_equal(left, right)
    assert left.any()


@pytest.mark.parametrize(("start", "silent"), [(-50, slice(0, 50)), (4360, slice(50, None))])
def test_beyond_either_end_is_silence(tmp_path, cache, start, silent):
    audio = tmp_path / "a.wav"
    write_audio(audio, np.full((4410, 2), 0.5))
    block = cache.open(audio).read(start, 100)
    assert not block[:, silent].any()
    assert np.count_nonzero(block) == 2 * 50


def test_a_file_is_decoded_once(tmp_path, cache, monkeypatch):
    audio = tmp_path / "a.wav"
    write_audio(audio, tone(440, 0.1))
    first = cache.open(audio).read(0, 4410)
    monkeypatch.setattr("dsp.training.pcm_cache.decode", lambda _: pytest.fail("decoded again"))
    assert np.array_equal(cache.open(audio).read(0, 4410), first)


def test_a_changed_file_is_decoded_anew(tmp_path, cache):
    audio = tmp_path / "a.wav"
    write_audio(audio, tone(440, 0.1))
    cache.open(audio)
    write_audio(audio, tone(440, 0.2))
    assert cache.open(audio).frames == 8820


def test_a_copy_shares_what_was_decoded(tmp_path, cache):
    song = tmp_path / "song.wav"
    write_audio(song, tone(300, 2.0))
    copy = tmp_path / "elsewhere" / "song.wav"
    copy.parent.mkdir()
    copy.write_bytes(song.read_bytes())
    assert cache.path_of(copy) == cache.path_of(song)


@pytest.mark.parametrize("where", [100, -100])
def test_a_change_at_either_end_is_seen(tmp_path, cache, where):
    song = tmp_path / "song.wav"
    write_audio(song, tone(300, 2.0))
    before = cache.path_of(song)
    content = bytearray(song.read_bytes())
    content[where] ^= 1
    song.write_bytes(content)
    assert cache.path_of(song) != before


def test_an_interrupted_decoding_leaves_nothing_that_counts(tmp_path, cache, monkeypatch):
    audio = tmp_path / "a.wav"
    write_audio(audio, tone(440, 0.1))

    def broken(handle, _):
        handle.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", broken)
        with pytest.raises(KeyboardInterrupt):
            cache.open(audio)
    assert cache.open(audio).frames == 4410


def test_what_is_no_audio_is_named(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("not audio")
    with pytest.raises(TrainingDataError, match=r"a\.wav"):
        decode(path)


def test_more_than_two_channels_are_refused(tmp_path):
    path = tmp_path / "a.wav"
    write_audio(path, tone(440, 0.1, channels=3))
    with pytest.raises(TrainingDataError, match="3 channels"):
        decode(path)
