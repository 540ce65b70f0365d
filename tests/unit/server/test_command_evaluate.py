"""``phoenix-stems evaluate``: what is scored is aligned, whole, and free of the song before."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_client import expected, noise

import dsp.evaluation
import plugin_bridge
from server.commands import evaluate


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


@pytest.mark.parametrize(
    ("arguments", "way", "profile"),
    [
        ([], "_in_process", "offline"),
        (["--streamed"], "_streamed", "live"),
        (["--streamed", "--profile", "studio"], "_streamed", "studio"),
        (["--profile", "live"], "_in_process", "live"),
    ],
)
def test_the_profile_follows_the_way_unless_it_is_named(monkeypatch, arguments, way, profile):
    parser, opened, scored = argparse.ArgumentParser(), [], {}
    evaluate.add_parser(parser.add_subparsers())

    class Opened:
        def __enter__(self):
            return "separate"

        def __exit__(self, *_):
            opened.append("closed")

    def scores(_songs, separate, **fields):
        scored.update(fields)
        assert separate == "separate"

    monkeypatch.setattr(evaluate, way, lambda *given: opened.append(given) or Opened())
    monkeypatch.setattr(dsp.evaluation, "find_songs", lambda folder: [folder])
    monkeypatch.setattr(dsp.evaluation, "evaluate", scores)
    monkeypatch.setattr(dsp.evaluation, "render", lambda _: "a table")
    given_arguments = parser.parse_args(["evaluate", "songs", "--model", "m", *arguments])
    assert given_arguments.directory == Path("songs")
    assert given_arguments.func(given_arguments) == 0
    assert opened == [("m", profile), "closed"]
    assert (scored["model"], scored["profile"]) == ("m", profile)
    assert scored["streamed"] is ("--streamed" in arguments)
