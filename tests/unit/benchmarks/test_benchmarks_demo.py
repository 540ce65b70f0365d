"""The demo's figures are those of the song it played: aligned, scored, and written whole."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import demo
from benchmarks.demo import DemoResult, LiveResult, OfflineResult, Scores
from benchmarks.demo_figure import draw_demo
from benchmarks.song import Song, bundled_song
from plugin_bridge import LatencyBudget
from server.commands import demo as command
from server.commands import main

RATE_HZ = 44_100
LATENCY = LatencyBudget(256, 512, 512, 0, 0, 768)


def noise(frames, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal((2, frames)).astype(np.float32)


def made_song(frames=8192):
    return Song("noise", RATE_HZ, noise(frames, 1), noise(frames, 2))


def live_result(song, stems=None, compute_ms=(2.0, 4.0)):
    stems = np.stack([song.vocals, song.instrumental]) if stems is None else stems
    return LiveResult(stems, LATENCY, 2048, 5168, 3, list(compute_ms), 12.0)


def demo_result(song=None):
    song = song or made_song()
    scores = {"vocals": Scores(5.5, 9.25, 1.125), "instrumental": Scores(7.0, 12.0, 3.0)}
    offline = OfflineResult(np.stack([song.vocals, song.instrumental]), 0.125)
    return DemoResult(song, live_result(song), offline, scores, ["out/vocals_live.wav"])


@given(latency=st.integers(0, 3000), frames=st.integers(1, 3000), more=st.integers(0, 300))
def test_what_was_heard_is_moved_back_by_the_latency(latency, frames, more):
    song = Song("ramp", RATE_HZ, *np.arange(4 * frames, dtype=np.float32).reshape(2, 2, frames))
    stems = np.stack([song.vocals, song.instrumental])
    heard = np.pad(stems, ((0, 0), (0, 0), (latency, more)))
    np.testing.assert_array_equal(demo._aligned(heard, latency, song), stems)


def test_true_stems_score_highest_and_the_mixture_is_scaled_for_the_baseline():
    song = made_song()
    scores = demo._scores(song, "vocals", song.vocals, song.mixture)
    assert scores.live > 90
    assert scores.offline == pytest.approx(0, abs=0.2), "as much error as signal"
    assert scores.best_constant_gain == pytest.approx(3.01, abs=0.2), "half of it is right"


def test_a_live_run_that_ends_before_the_song_is_scored_by_what_there_is():
    song = made_song()
    short = demo._scores(song, "vocals", song.vocals[:, :-100], song.vocals)
    assert short.live > 90


def test_one_sample_off_is_heard_in_the_score():
    song = made_song()
    late = np.roll(song.vocals, 1, axis=1)
    assert demo._scores(song, "vocals", late, song.vocals).live < 0


def test_the_summary_has_every_figure_and_is_json():
    summary = json.loads(json.dumps(demo.summary(demo_result()), allow_nan=False))
    assert summary["latency_samples"] == {
        "block_adaptation": 256, "hop": 512, "synthesis_overlap": 512, "look_ahead": 0,
        "resampler": 0, "round_trip": 768, "total": 2048,
    }  # fmt: skip
    assert summary["measured_latency_samples"] == 2048
    assert (summary["blocks"], summary["late_blocks"]) == (5168, 3)
    assert summary["live_realtime_factor"] == 0.25
    assert summary["offline_realtime_factor"] == 0.125
    assert summary["sdr_db"]["vocals"] == {
        "live": 5.5, "offline": 9.25, "best_constant_gain": 1.125,
    }  # fmt: skip


def test_the_text_names_every_term_and_figure():
    lines = [" ".join(line.split()) for line in command.render(demo_result()).splitlines()]
    for line in (
        "noise, 5168 blocks of 256 frames, paced in real time",
        "block adaptation 256",
        "hop 512",
        "synthesis overlap 512",
        "look ahead 0",
        "resampler 0",
        "round trip 768",
        "reported 2048 46.4 ms",
        "measured 2048",
        "late blocks 3",
        "real-time factor 0.250 live",
        "0.125 offline profile",
        "vocals 5.50 9.25 1.12",
        "instrumental 7.00 12.00 3.00",
        "out/vocals_live.wav",
    ):
        assert line in lines


def test_the_command_prints_and_writes_what_the_run_showed(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(command, "run_demo", lambda *given: asked.append(given) or demo_result())
    file = tmp_path / "demo.json"
    arguments = ["demo", "-o", str(tmp_path / "out"), "--model", "rocknet", "--json", str(file)]
    assert main(arguments) == 0
    assert asked == [(tmp_path / "out", "rocknet")]
    assert "late blocks" in capsys.readouterr().out
    assert json.loads(file.read_text()) == demo.summary(demo_result())


@pytest.fixture
def played(monkeypatch):
    """Let the demo play a second of a song of which it gets the true stems back."""
    song = bundled_song().excerpt(1.0)
    truth = np.stack([song.vocals, song.instrumental])
    monkeypatch.setattr(demo, "bundled_song", lambda: song)
    monkeypatch.setattr(demo, "play_live", lambda song, _model: live_result(song, 0.5 * truth))
    monkeypatch.setattr(demo, "separate_offline", lambda *_: OfflineResult(truth, 0.1))
    return song


def test_stems_and_picture_are_written_into_the_folder(played, tmp_path):
    result = demo.run_demo(tmp_path / "new" / "folder", "any")
    assert all(path.is_file() for path in result.files)
    assert {path.name for path in result.files} == {
        "vocals_live.wav", "instrumental_live.wav", "vocals_offline.wav",
        "instrumental_offline.wav", "demo.png",
    }  # fmt: skip
    assert (tmp_path / "new/folder/demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "gain"), [("live", 0.5), ("offline", 1.0)])
def test_each_file_holds_its_own_stem(played, tmp_path, name, gain):
    demo.run_demo(tmp_path)
    for stem in demo.LIVE_STEMS:
        written, rate_hz = soundfile.read(tmp_path / f"{stem}_{name}.wav", dtype="float32")
        assert rate_hz == RATE_HZ
        np.testing.assert_allclose(written.T, gain * getattr(played, stem), atol=2**-22)


def test_each_stem_is_scored_against_its_own_truth(played, tmp_path):
    scores = demo.run_demo(tmp_path).scores
    assert list(scores) == ["vocals", "instrumental"]
    for stem in scores.values():
        assert stem.live == pytest.approx(6.02, abs=0.01), "half of the truth"
        assert stem.offline > 60


@pytest.mark.parametrize("samples", [np.zeros((2, 8192), np.float32), noise(8192, 3)])
def test_the_picture_can_be_drawn_of_anything(tmp_path, samples):
    file = tmp_path / "picture.png"
    draw_demo(file, signals={"a": samples}, rate_hz=RATE_HZ, hop_compute_ms=[1.0], hop_ms=11.6)
    assert file.stat().st_size > 1000


@pytest.fixture
def with_fixed_gains(monkeypatch):
    """Ask for the two of the diagnostic model's stems that stand for the song's."""
    monkeypatch.setattr(demo, "LIVE_STEMS", ("vocals", "other"))


def test_the_paced_run_is_aligned_and_measures_what_it_reports(with_fixed_gains):
    song = bundled_song().excerpt(1.5)
    live = demo.play_live(song, "fixed-gains")
    assert live.measured_latency_samples == live.latency.total
    assert live.blocks == (song.mixture.shape[1] + live.latency.total) // 256
    assert live.compute_ms
    assert min(live.compute_ms) > 0
    assert live.hop_ms == pytest.approx(1e3 * 512 / RATE_HZ)
    frames = live.stems.shape[2]
    assert 0 <= song.mixture.shape[1] - frames < 256
    if not live.late_blocks:  # a busy machine may be late; that is not what is tested here
        expected = np.float32(0.5) * song.mixture[:, :frames]
        np.testing.assert_allclose(live.stems[0], expected, atol=1e-6)


def test_the_offline_run_is_lossless_and_whole(with_fixed_gains):
    song = bundled_song().excerpt(1.0)
    offline = demo.separate_offline(song, "fixed-gains")
    np.testing.assert_array_equal(offline.stems[0], np.float32(0.5) * song.mixture)
    np.testing.assert_allclose(offline.stems[1], 0.25 * song.mixture, atol=1e-6)
    assert offline.realtime_factor > 0
