"""Which of two servers a relayed stream is heard from, and when that changes."""

import numpy as np
import pytest
from relay_bench import BLOCK_FRAMES, RATE_HZ, STEP_SAMPLES, Bench

from plugin_bridge.relay.link_time import MARGIN
from plugin_bridge.relay.stream import PROBATION_S
from protocol import Applied, Audio, Error, Opened, Set, UnexpectedMessage, UnknownModel


@pytest.fixture
def bench():
    bench = Bench()
    assert isinstance(bench.open(), Opened)
    return bench


def test_a_stream_is_opened_on_the_remote_server_and_its_stems_are_handed_on(bench):
    bench.play(1.0)
    assert bench.heard == "remote"
    assert bench.check_stems() > 0.9 * RATE_HZ
    assert bench.local.wires == [], "nobody else is asked"


def test_late_stems_send_it_to_the_local_server_and_time_brings_it_back(bench):
    bench.play(2.0)
    bench.remote.delay = lambda _: RATE_HZ // 2
    assert bench.play(5.0, until=lambda: bench.heard == "local")
    bench.remote.delay = lambda _: 0
    returned_after = bench.blocks
    assert bench.play(20.0, until=lambda: bench.heard == "remote")
    assert (bench.blocks - returned_after) * BLOCK_FRAMES >= PROBATION_S * RATE_HZ
    assert bench.stream.switches == 2
    bench.check_stems()


def test_a_short_lateness_changes_nothing(bench):
    bench.play(2.0)
    bench.remote.delay = lambda _: 2500
    bench.play(0.05)
    bench.remote.delay = lambda _: 0
    bench.play(1.0)
    assert (bench.heard, bench.stream.switches) == ("remote", 0)


def test_a_server_that_is_gone_is_replaced(bench):
    bench.play(2.0)
    bench.remote.crash()
    assert bench.play(5.0, until=lambda: bench.heard == "local")
    bench.play(0.5)
    assert bench.check_stems() > (bench.blocks - 5) * BLOCK_FRAMES


def test_when_the_remote_server_is_away_the_local_one_opens():
    bench = Bench()
    bench.remote.is_down = True
    assert isinstance(bench.open(), Opened)
    assert bench.heard == "local"


def test_the_way_is_measured_and_belongs_to_the_least_round_trip():
    delay = 300
    bench = Bench()
    bench.remote.delay = lambda _: delay
    opened = bench.open()
    least = bench.remote.server.minimum_round_trip + MARGIN * delay
    assert least <= opened.minimum_round_trip_samples <= least + MARGIN * 3 * STEP_SAMPLES


def test_a_grant_that_the_way_uses_up_is_refused():
    bench = Bench(round_trip_samples=200)
    bench.remote.delay = lambda _: 300
    answer = bench.open()
    assert isinstance(answer, Error)
    assert answer.code == "E207"
    assert bench.stream.is_closed


def test_the_way_is_measured_again_at_each_connection(bench):
    remote = bench.stream._remote
    before = remote.link_s
    remote.link.lose("test")
    bench.remote.delay = lambda _: 600
    bench.play(1.0)
    assert before * RATE_HZ < 100
    assert remote.link_s * RATE_HZ >= 600 * MARGIN


def test_a_refusal_is_handed_on():
    bench = Bench()
    bench.remote.server.refuse_open = UnknownModel("no such model")
    answer = bench.open()
    assert (answer.code, answer.stream) == (UnknownModel.code, 7)


def test_a_change_is_answered_once_and_the_other_server_is_given_it(bench):
    bench.stream.receive(Set(7, gains_db={"vocals": -6.0}))
    bench.play(2.0)
    assert sum(isinstance(message, Applied) for message in bench.told) == 1
    bench.remote.crash()
    assert bench.play(5.0, until=lambda: bench.heard == "local")
    assert bench.local.server.stream.gains_db == {"vocals": -6.0}
    assert sum(isinstance(message, Applied) for message in bench.told) == 1


def test_audio_before_the_stream_is_open_is_refused():
    with pytest.raises(UnexpectedMessage, match="still being opened"):
        Bench().stream.receive(Audio(7, 0, 0, np.zeros((1, 4), np.float32)))
