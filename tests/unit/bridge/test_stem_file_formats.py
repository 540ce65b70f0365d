"""Stem files on disk: exact sums in every exact format, what is clipped, and every way to fail."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_bridge import stem_files as module
from plugin_bridge.errors import SeparationFailed
from plugin_bridge.stem_block import StemBlock
from plugin_bridge.stem_files import StemFiles, writable_format

NAMES = ("vocals", "drums", "other")
LSB_24_BIT = 2.0**-23
EXACT = {
    ("WAV", "PCM_U8"): 2.0**-7,
    ("WAV", "PCM_16"): 2.0**-15,
    ("FLAC", "PCM_16"): 2.0**-15,
    ("AIFF", "PCM_24"): LSB_24_BIT,
    ("FLAC", "PCM_24"): LSB_24_BIT,
    ("WAV", "PCM_24"): LSB_24_BIT,
    ("WAV", "PCM_32"): 2.0**-31,
    ("WAV", "FLOAT"): 0.0,
    ("WAV", "DOUBLE"): 0.0,
}
in_one_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def source(container="WAV", subtype="PCM_24", rate_hz=44100):
    """Stand in for the input file, of which only the format matters."""
    return SimpleNamespace(samplerate=rate_hz, format=container, subtype=subtype)


def stems_of(dry, seed=0):
    """Return [stem, channel, frame]: random parts of ``dry``, and what remains of it."""
    gains = np.random.default_rng(seed).uniform(0, 1, (2, *dry.shape)).astype(np.float32)
    parts = gains * dry
    return np.concatenate([parts, (dry - parts[0] - parts[1])[None]])


def noise(channels, frames, seed=0, amplitude=0.9):
    random = np.random.default_rng(seed)
    return random.uniform(-amplitude, amplitude, (channels, frames)).astype(np.float32)


def write(directory, stems, kind=("WAV", "PCM_24"), cuts=(), names=NAMES):
    """Write ``stems`` in blocks that end at ``cuts``; returns what wrote them."""
    with StemFiles(directory, source(*kind), stems.shape[1]) as files:
        for block in np.split(stems, sorted(cuts), axis=2):
            files.write(StemBlock(0, names[: len(stems)], block))
    return files


def read(path):
    """Return [channel, frame] as doubles."""
    samples, _ = soundfile.read(path, always_2d=True)
    return samples.T


def left_behind(directory):
    return sorted(path.name for path in Path(directory).rglob("*"))


@in_one_folder
@given(
    kind=st.sampled_from(sorted(EXACT)),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 400)),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    seed=st.integers(0, 99),
)
def test_stems_as_stored_sum_to_the_input_within_one_step(tmp_path, kind, shape, cuts, seed):
    dry, frames = noise(*shape, seed), shape[1]
    files = write(tmp_path, stems_of(dry, seed), kind, [min(cut, frames) for cut in cuts])
    total = sum(read(path) for path in files.paths.values())
    # Half a step of the format, and what single precision did to the stems before.
    assert total.shape == dry.shape
    assert np.abs(total - dry).max() <= 0.5 * EXACT[kind] + LSB_24_BIT
    assert files.clipped_samples == 0


@in_one_folder
@given(
    kind=st.sampled_from(sorted(EXACT)),
    loud=st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=30),
    cut=st.integers(0, 30),
)
def test_exactly_the_samples_beyond_full_scale_are_clipped_and_counted(tmp_path, kind, loud, cut):
    samples = np.array(loud, np.float32)[None, None]
    files = write(tmp_path, samples, kind, [min(cut, len(loud))])
    holds_any = kind[1] in {"FLOAT", "DOUBLE"}
    assert files.clipped_samples == (0 if holds_any else np.count_nonzero(np.abs(samples) > 1))
    expected = samples[0] if holds_any else np.clip(samples[0], -1, 1)
    assert np.abs(read(files.paths["vocals"]) - expected).max() <= 1.001 * EXACT[kind]


@pytest.mark.parametrize("kind", [("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "ULAW")])
def test_formats_that_are_not_exact_keep_length_and_clip_before_they_encode(tmp_path, kind):
    tone = 1.5 * np.sin(2 * np.pi * 220 * np.arange(9600) / 48000)
    samples = np.stack([tone, tone])[None].astype(np.float32)
    with StemFiles(tmp_path, source(*kind, rate_hz=48000), 2) as files:
        for block in np.split(samples, 5, axis=2):
            files.write(StemBlock(0, ("vocals",), block))
    info = soundfile.info(files.paths["vocals"])
    assert (info.frames, info.samplerate, info.channels) == (9600, 48000, 2)
    assert info.subtype == kind[1]
    assert files.clipped_samples == np.count_nonzero(np.abs(samples) > 1)
    middle = read(files.paths["vocals"])[:, 1000:-1000]
    assert np.abs(middle - np.clip(samples[0], -1, 1)[:, 1000:-1000]).max() < 0.25


@pytest.mark.parametrize(
    ("container", "name"),
    [("WAV", "a.wav"), ("WAVEX", "a.wav"), ("RF64", "a.wav"), ("FLAC", "a.flac"), ("OGG", "a.ogg")],
)
def test_the_ending_is_the_formats(tmp_path, container, name):
    subtype = "VORBIS" if container == "OGG" else "PCM_16"
    files = write(tmp_path, noise(1, 50)[None], (container, subtype), names=("a",))
    assert files.paths == {"a": tmp_path / name}
    assert soundfile.info(tmp_path / name).frames == 50


@pytest.mark.parametrize("container", sorted(soundfile.available_formats()))
def test_every_format_that_is_read_has_one_to_be_written_in(container):
    for subtype in soundfile.available_subtypes(container):
        chosen = writable_format(container, subtype)
        assert soundfile.check_format(*chosen)
        assert chosen[0] != "RAW"


def test_a_block_longer_than_one_write_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WRITE_FRAMES", 7)
    samples = noise(2, 50)[None]
    files = write(tmp_path, samples, ("WAV", "FLOAT"))
    assert np.array_equal(read(files.paths["vocals"]), samples[0])


def test_stems_without_a_single_frame_are_empty_files(tmp_path):
    with StemFiles(tmp_path / "out", source(), 2) as files:
        files.create(NAMES)
    assert left_behind(tmp_path / "out") == ["drums.wav", "other.wav", "vocals.wav"]
    assert {soundfile.info(path).frames for path in files.paths.values()} == {0}


def test_no_stems_make_no_folder(tmp_path):
    with StemFiles(tmp_path / "out", source(), 2):
        pass
    assert left_behind(tmp_path) == []


def test_until_the_end_there_are_only_hidden_names(tmp_path):
    with StemFiles(tmp_path, source(), 2) as files:
        files.write(StemBlock(0, NAMES, stems_of(noise(2, 50))))
        assert [name[0] for name in left_behind(tmp_path)] == ["."] * 3
    assert left_behind(tmp_path) == ["drums.wav", "other.wav", "vocals.wav"]


def write_and_fail(directory, failure):
    with StemFiles(directory, source(), 2) as files:
        files.write(StemBlock(0, NAMES, stems_of(noise(2, 50))))
        raise failure


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, MemoryError, ValueError])
def test_whatever_ends_it_leaves_earlier_files_as_they_were(tmp_path, failure):
    before = noise(2, 30, seed=1)[None]
    write(tmp_path, before, ("WAV", "FLOAT"))
    with pytest.raises(failure):
        write_and_fail(tmp_path, failure)
    assert left_behind(tmp_path) == ["vocals.wav"]
    assert np.array_equal(read(tmp_path / "vocals.wav"), before[0])


def test_a_second_run_replaces_the_first(tmp_path):
    write(tmp_path, noise(2, 30, seed=1)[None], ("WAV", "FLOAT"))
    again = noise(2, 20, seed=2)[None]
    write(tmp_path, again, ("WAV", "FLOAT"))
    assert np.array_equal(read(tmp_path / "vocals.wav"), again[0])


def test_a_disk_that_takes_only_half_is_full(tmp_path, monkeypatch):
    whole = soundfile.SoundFile.write
    monkeypatch.setattr(
        soundfile.SoundFile, "write", lambda file, frames: whole(file, frames[: len(frames) // 2])
    )
    with pytest.raises(SeparationFailed, match=r"could not be written; is the disk full\?"):
        write(tmp_path / "out", stems_of(noise(2, 50)))
    assert left_behind(tmp_path / "out") == []


def test_what_only_shows_when_files_are_closed_is_told_by_stem(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_holds", lambda path, _frames: "drums" in path.name)
    with pytest.raises(SeparationFailed, match="out: vocals, other could not be completed"):
        write(tmp_path / "out", stems_of(noise(2, 50)))
    assert left_behind(tmp_path / "out") == []


def test_a_file_holds_what_was_written_only_when_it_is_that_long(tmp_path):
    path = write(tmp_path, noise(2, 1000)[None], ("WAV", "PCM_16")).paths["vocals"]
    assert module._holds(path, 1000)
    assert not module._holds(path, 1001)
    path.write_bytes(path.read_bytes()[:2000])
    assert not module._holds(path, 1000)
    path.write_text("no audio")
    assert not module._holds(path, 0)
    assert not module._holds(tmp_path / "missing.wav", 0)


def test_when_one_file_cannot_have_its_name_none_has(tmp_path):
    (tmp_path / "drums.wav").mkdir()
    with pytest.raises(OSError, match="drums"):
        write(tmp_path, stems_of(noise(2, 50)))
    assert left_behind(tmp_path) == ["drums.wav"]


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        write(tmp_path / "file" / "out", noise(2, 50)[None])
    assert left_behind(tmp_path) == ["file"]


def test_the_working_directory_need_not_exist_beforehand(tmp_path):
    write(tmp_path / "a" / "b" / "c", noise(2, 50)[None])
    assert (tmp_path / "a" / "b" / "c" / "vocals.wav").is_file()
