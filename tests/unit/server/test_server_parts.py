"""The small parts: warm-up figures, rate-limited logs, metrics, the parent's watch, tables."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks import rocknet_live
from dsp.networks.fixed_gains import PROFILES, FixedGainsSeparator
from dsp.networks.joined_step import (
    GRID,
    HOPS_PER_STEP,
    QUICK_GRID,
    QUICK_SHORT_GRID,
    SHORT_GRID,
)
from dsp.networks.live_network import LIVE_SHORT, hops_per_step
from dsp.networks.phoenix_shape import TrunkConfig
from protocol import Limits, Open, ServerFull, StreamExists, UnexpectedMessage, UnknownStream
from server.config import LogConfig
from server.monitoring.log import RateLimit, make_logger
from server.monitoring.metrics import Metrics
from server.sessions.opening import ROUND_TRIP_GRID_SAMPLES, round_trip_samples
from server.sessions.peers import PeerTable, Stream
from server.streams.counters import Counters
from server.streams.warm_up import PHASES, measure_hops, undisturbed
from server.supervision.parent import ParentWatch


@given(
    pattern=st.lists(st.floats(0.001, 0.01), min_size=PHASES, max_size=PHASES),
    disturbed=st.sets(st.integers(0, PHASES - 1)),
)
def test_a_disturbance_in_one_repetition_is_not_the_models_cost(pattern, disturbed):
    first = [cost + (1.0 if phase in disturbed else 0.0) for phase, cost in enumerate(pattern)]
    assert undisturbed(first + pattern) == pattern


def test_a_whole_pattern_of_every_multi_rate_network_is_timed():
    most_hops_per_step = max(HOPS_PER_STEP, hops_per_step(LIVE_SHORT))
    trunk = max(TrunkConfig().ticks) * most_hops_per_step
    of_rocknet = rocknet_live.GRID, rocknet_live.QUICK_GRID
    grids = [GRID, QUICK_GRID, SHORT_GRID, QUICK_SHORT_GRID, *of_rocknet]
    periods = [trunk, *(grid.deep_period for grid in grids)]
    assert [PHASES % period for period in periods] == [0] * 7


def test_the_separator_is_left_as_new():
    separator = FixedGainsSeparator(PROFILES["live"])
    assert min(measure_hops(separator)) > 0
    assert not separator._past.any()


@given(seconds=st.floats(0, 0.1), rate_hz=st.integers(8000, 192_000))
def test_the_round_trip_covers_the_hop_on_a_coarse_grid(seconds, rate_hz):
    samples = round_trip_samples(seconds, rate_hz)
    assert samples % ROUND_TRIP_GRID_SAMPLES == 0
    assert samples >= seconds * rate_hz
    assert samples <= 1.1 * seconds * rate_hz + ROUND_TRIP_GRID_SAMPLES


def test_a_hop_that_leaves_room_fits_the_default_live_budget():
    assert round_trip_samples(0.0158, 44_100) <= 768


def test_logs_of_a_kind_are_limited_and_counted():
    now = [0.0]
    limit = RateLimit(1.0, lambda: now[0])
    assert [limit.admit("a") for _ in range(3)] == [0, None, None]
    assert limit.admit("b") == 0
    now[0] = 1.0
    assert limit.admit("a") == 2
    now[0] = 2.5
    assert limit.admit("a") == 0


def test_logs_go_to_standard_error_above_their_level(capsys):
    log = make_logger(LogConfig(level="warning", format="json"))
    log.info("quiet")
    log.warning("loud", code="E101")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert '"event": "loud"' in captured.err
    assert "quiet" not in captured.err


def test_every_server_has_meters_of_its_own():
    first, second = Metrics(), Metrics()
    first.errors.labels(code="E101").inc()
    assert b'phoenix_stems_errors_total{code="E101"} 1.0' in first.text()
    assert b"E101" not in second.text()


def test_without_a_parent_nothing_is_watched():
    assert ParentWatch(0).is_alive()


def test_a_parent_is_alive_until_it_ends_even_as_a_zombie():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        watch = ParentWatch(child.pid)
        assert watch.is_alive()
        child.kill()
        while watch.is_alive():
            pass
    assert not watch.is_alive()


def test_a_parent_that_is_gone_already_is_noticed():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not ParentWatch(child.pid).is_alive()


@pytest.fixture
def table():
    return PeerTable(Limits(maximum_streams=3, maximum_streams_per_peer=2), maximum_peers=2)


def opened(peer, number):
    stream = Stream(peer, Open(number, 44100, 2, 256))
    peer.streams[number] = stream
    return stream


def test_peers_are_limited(table):
    peer = table.add(b"a", 0.0)
    table.add(b"b", 0.0)
    with pytest.raises(ServerFull, match="2 allowed"):
        table.add(b"c", 0.0)
    table.remove(peer)
    table.add(b"c", 0.0)
    assert (len(table), table.find(b"a")) == (2, None)


def test_streams_are_limited_per_peer_and_in_all(table):
    first, second = table.add(b"a", 0.0), table.add(b"b", 0.0)
    opened(first, 0)
    with pytest.raises(StreamExists):
        table.check_room(first, 0)
    table.check_room(first, 1)
    opened(first, 1)
    with pytest.raises(ServerFull, match="maximum_streams_per_peer"):
        table.check_room(first, 2)
    opened(second, 0)
    with pytest.raises(ServerFull, match="maximum_streams is 3"):
        table.check_room(second, 1)


def test_silence_is_measured_from_the_last_message(table):
    peer = table.add(b"a", 5.0)
    assert table.silent(5.0) == []
    assert table.silent(5.1) == [peer]


def test_streams_that_are_not_open_are_refused(table):
    peer = table.add(b"a", 0.0)
    with pytest.raises(UnknownStream):
        peer.stream(1)
    with pytest.raises(UnexpectedMessage, match="wait for opened"):
        _ = opened(peer, 1).opened_task


def test_missing_input_is_counted_once():
    """What the inbox drops, the pipeline misses later."""
    assert Counters(dropped_frames=512).missing_frames == 512
    assert Counters(dropped_frames=512, lost_frames=512).missing_frames == 512
    assert Counters(dropped_frames=512, lost_frames=768).missing_frames == 768
