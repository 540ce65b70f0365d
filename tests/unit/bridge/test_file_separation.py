"""A file through a session that halves it: what is read, counted, told and left behind."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge import SeparationFailed, ServerLost
from plugin_bridge.file_separation import READ_FRAMES, _Blocks, separate_file
from plugin_bridge.stem_block import StemBlock
from protocol import UnknownStem


class Halves:
    """A session of two stems, each half of the input, block by block."""

    stems = ("vocals", "other")

    def __init__(self, failure=None, after=0):
        self.opened_for = None
        self.lengths = []
        self.is_open = True
        self._failure = failure
        self._after = after

    def open(self, rate_hz, channels):
        self.opened_for = (rate_hz, channels)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False

    def separate(self, blocks):
        position = 0
        for index, block in enumerate(blocks):
            if self._failure is not None and index == self._after:
                raise self._failure
            self.lengths.append(block.shape[1])
            half = np.float32(0.5) * block
            yield StemBlock(position, self.stems, np.stack([half, half]))
            position += block.shape[1]


def record(path, frames=40000, channels=2, rate_hz=44100):
    shape = (frames, channels)
    dry = np.random.default_rng(frames).uniform(-0.9, 0.9, shape).astype(np.float32)
    soundfile.write(path, dry, rate_hz, "FLOAT")
    return dry


def left_behind(directory):
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def separated(tmp_path, session, name="a.wav", progress=lambda _frames: None):
    return separate_file(tmp_path / name, tmp_path / "out", session.open, progress)


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 48000), (2, 44100), (2, 8000)])
def test_a_file_is_read_whole_in_blocks_and_written_as_it_was(tmp_path, channels, rate_hz):
    dry = record(tmp_path / "a.wav", channels=channels, rate_hz=rate_hz)
    session, told = Halves(), []
    result = separated(tmp_path, session, progress=told.append)
    assert session.opened_for == (rate_hz, channels)
    assert session.lengths == [READ_FRAMES, READ_FRAMES, 40000 - 2 * READ_FRAMES] == told
    assert (result.source, result.frames, result.rate_hz) == (tmp_path / "a.wav", 40000, rate_hz)
    assert (result.clipped_samples, result.replaced_samples) == (0, 0)
    assert result.stems == {stem: tmp_path / "out" / f"{stem}.wav" for stem in session.stems}
    for path in result.stems.values():
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert rate == rate_hz
        assert np.array_equal(samples, np.float32(0.5) * dry)
    assert not session.is_open


def test_samples_that_are_not_finite_are_counted(tmp_path):
    dry = record(tmp_path / "a.wav", 20000)
    dry[17, 0], dry[18], dry[19999, 1] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", dry, 44100, "FLOAT")
    assert separated(tmp_path, Halves()).replaced_samples == 4


def test_clipped_samples_of_all_stems_are_counted(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full((100, 2), 0.9), 44100, "PCM_16")

    class Loud(Halves):
        def separate(self, blocks):
            for block in super().separate(blocks):
                yield StemBlock(block.position_samples, block.stems, 3 * block.samples)

    assert separated(tmp_path, Loud()).clipped_samples == 2 * 2 * 100


def test_an_empty_file_gives_its_stems_all_the_same(tmp_path):
    record(tmp_path / "a.wav", 0)
    assert separated(tmp_path, Halves()).frames == 0
    assert left_behind(tmp_path / "out") == ["other.wav", "vocals.wav"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
        (lambda path: path.write_text("no audio"), "WAV, FLAC, AIFF.*are allowed"),
        (lambda path: path.write_bytes(b""), "WAV, FLAC, AIFF.*are allowed"),
        (lambda path: record(path, 50, channels=3), "3 channels; mono and stereo are allowed"),
    ],
    ids=["missing", "folder", "text", "empty", "three"],
)
def test_what_cannot_be_read_is_told_before_a_session_is_opened(tmp_path, make, told):
    make(tmp_path / "a.wav")
    session = Halves()
    with pytest.raises(SeparationFailed, match=told) as failed:
        separated(tmp_path, session)
    assert "a.wav" in str(failed.value)
    assert session.opened_for is None
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize(
    "failure", [ServerLost("gone"), UnknownStem("kazoo"), KeyboardInterrupt()], ids=repr
)
def test_what_the_session_raises_passes_through_and_nothing_is_left(tmp_path, failure, after):
    record(tmp_path / "a.wav")
    session = Halves(failure, after)
    with pytest.raises(type(failure)):
        separated(tmp_path, session)
    assert not session.is_open
    assert left_behind(tmp_path / "out") == []


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), soundfile.SoundFileRuntimeError("odd")]
)
def test_what_the_disk_raises_names_the_file_and_the_likely_cause(tmp_path, failure):
    record(tmp_path / "a.wav")
    with pytest.raises(SeparationFailed, match=r"a\.wav: stems could not be .*Is the disk full\?"):
        separated(tmp_path, Halves(failure, 1))
    assert left_behind(tmp_path / "out") == []


def test_a_file_that_breaks_off_says_where():
    class Broken:
        def __init__(self):
            self.blocks = [np.zeros((READ_FRAMES, 2), np.float32)]

        def read(self, *_arguments, **_options):
            if not self.blocks:
                raise soundfile.SoundFileRuntimeError("bad block")
            return self.blocks.pop()

    blocks = iter(_Blocks(Path("a.flac"), Broken()))
    assert next(blocks).shape == (2, READ_FRAMES)
    with pytest.raises(SeparationFailed, match=f"cannot be read beyond frame {READ_FRAMES}: bad"):
        next(blocks)
