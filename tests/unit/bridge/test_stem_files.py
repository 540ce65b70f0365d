"""Stem files are whole or not there; as integers their sum is within half a step."""

import contextlib

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.stem_block import StemBlock
from plugin_bridge.stem_files import StemFiles, quantise, writable_format


@given(stems=st.integers(1, 9), bits=st.sampled_from([8, 16, 24]), seed=st.integers(0, 99))
def test_the_sum_is_rounded_once_and_no_stem_strays_by_more_than_a_step(stems, bits, seed):
    random = np.random.default_rng(seed)
    samples = (random.uniform(-0.9, 0.9, (stems, 2, 50)) / stems).astype(np.float32)
    step = 2.0 ** (1 - bits)
    stored = quantise([f"stem {n}" for n in range(stems)], samples, bits) / 2.0**31
    total = samples.astype(np.float64).sum(axis=0)
    assert np.abs(stored.sum(axis=0) - total).max() <= 0.5 * step * (1 + 1e-6)
    assert np.abs(stored - samples).max() <= step


def test_the_mix_is_no_part_of_the_sum():
    samples = np.full((2, 1, 3), 0.3, np.float32)
    stored = quantise(("mix", "vocals"), samples, 16)
    assert np.array_equal(stored[0], stored[1])


def test_full_scale_does_not_wrap_around():
    samples = np.array([[[1.0, 1.5, -1.0, -1.5]]], np.float32)
    stored = quantise(("vocals",), samples, 24)[0, 0] / 2.0**31
    assert stored.tolist() == [1 - 2.0**-23, 1 - 2.0**-23, -1.0, -1.0]


@pytest.mark.parametrize(
    ("given_format", "expected"),
    [
        (("WAV", "PCM_16"), ("WAV", "PCM_16")),
        (("FLAC", "PCM_24"), ("FLAC", "PCM_24")),
        (("RAW", "PCM_16"), ("WAV", "PCM_16")),
        (("NONE", "STRANGE"), ("WAV", "FLOAT")),
    ],
)
def test_the_format_is_the_inputs_or_wav(given_format, expected):
    assert writable_format(*given_format) == expected


@pytest.mark.parametrize(("subtype", "clipped"), [("PCM_16", 6), ("FLOAT", 0)])
def test_what_the_format_cannot_hold_is_clipped_and_counted(tmp_path, subtype, clipped):
    soundfile.write(tmp_path / "dry.wav", np.zeros((10, 2)), 44100, subtype)
    samples = np.full((1, 2, 3), 1.5, np.float32)
    with (
        soundfile.SoundFile(tmp_path / "dry.wav") as source,
        StemFiles(tmp_path / "out", source, 2) as files,
    ):
        files.write(StemBlock(0, ("vocals",), samples))
    assert files.clipped_samples == clipped
    written, _ = soundfile.read(tmp_path / "out" / "vocals.wav")
    assert written.max() == pytest.approx(1.0 if clipped else 1.5, abs=1e-4)


def test_files_have_their_names_only_when_they_are_whole(tmp_path):
    soundfile.write(tmp_path / "dry.wav", np.zeros((10, 2)), 44100)
    block = StemBlock(0, ("vocals",), np.zeros((1, 2, 3), np.float32))
    with soundfile.SoundFile(tmp_path / "dry.wav") as source:
        with StemFiles(tmp_path / "out", source, 2) as files:
            files.write(block)
            assert not (tmp_path / "out" / "vocals.wav").exists()
        assert (tmp_path / "out" / "vocals.wav").exists()
        with contextlib.suppress(KeyboardInterrupt):
            _write_and_be_interrupted(StemFiles(tmp_path / "two", source, 2), block)
    assert list((tmp_path / "two").iterdir()) == []


def _write_and_be_interrupted(files, block):
    with files:
        files.write(block)
        raise KeyboardInterrupt
