"""A rehearsal: the round trip that was needed, a margin, and never less than the server takes."""

from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import paced
from plugin_bridge import LatencyBudget, connect_live
from plugin_bridge.embedded import EmbeddedServer
from server.commands.rehearsal import MARGIN, rehearse

RATE_HZ, BLOCK = 44_100, 64
GRANTED = 4410


class FakeSession:
    def __init__(self, round_trip, headroom, least, late=0):
        self.latency = LatencyBudget(BLOCK, 512, 512, 0, 0, round_trip)
        self.statistics = SimpleNamespace(headroom_min_samples=headroom, late_blocks=late)
        self.minimum_round_trip_samples = least
        self.is_open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False


def rehearsed(headroom, least=0, late=0, played=None):
    sessions = []

    def connect(*, round_trip_samples):
        sessions.append(FakeSession(round_trip_samples, headroom, least, late))
        return sessions[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            paced,
            "run_paced",
            lambda _, audio, **how: (played or {}).update(how, audio=audio.shape),
        )
        found = rehearse(connect, rate_hz=RATE_HZ, block_frames=BLOCK, seconds=2.0)
    assert [session.is_open for session in sessions] == [False]
    assert sessions[0].latency.round_trip == GRANTED
    return found


@given(headroom=st.integers(0, 2 * GRANTED), least=st.integers(0, 2000))
def test_what_was_needed_is_granted_with_a_margin(headroom, least):
    found = rehearsed(headroom, least)
    needed = max(0, GRANTED - headroom)
    assert found.round_trip_samples >= max(least, MARGIN * needed)
    assert found.round_trip_samples <= max(least, MARGIN * needed + 1)
    assert found.latency_samples == BLOCK + 1024 + found.round_trip_samples


def test_lateness_is_told():
    assert rehearsed(0, late=3).late_blocks == 3


def test_it_plays_as_long_and_in_blocks_as_it_is_told():
    played = {"block_frames": None}
    rehearsed(4000, played=played)
    assert played == {"block_frames": BLOCK, "rate_hz": RATE_HZ, "audio": (2, 2 * RATE_HZ)}


def test_what_it_finds_a_server_takes():
    with EmbeddedServer(model="fixed-gains") as server:
        connect = partial(
            connect_live,
            server.endpoint,
            rate_hz=RATE_HZ,
            max_block_frames=256,
            model="fixed-gains",
        )
        found = rehearse(connect, rate_hz=RATE_HZ, block_frames=256, seconds=1.0)
        with connect(round_trip_samples=found.round_trip_samples) as session:
            assert session.latency.total == found.latency_samples
            assert 0 < session.minimum_round_trip_samples <= found.round_trip_samples
