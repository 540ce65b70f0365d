"""A relayed stream between two simulated servers; all time is the test's."""

import numpy as np
import pytest
from fake_server import World

from plugin_bridge.relay import RelayedStream, Upstream
from plugin_bridge.relay.link_time import MARGIN
from plugin_bridge.relay.stream import PROBATION_S, as_stream_request
from protocol import (
    Applied,
    Audio,
    Error,
    Open,
    Opened,
    Set,
    Stems,
    UnexpectedMessage,
    UnknownModel,
)

RATE_HZ = 44_100
BLOCK_FRAMES = 441
STEP_SAMPLES = 21  # between two ticks: half a millisecond


class Bench:
    """A stream, its two servers, and everything that its client was told."""

    def __init__(self, **request):
        self.remote, self.local = World(RATE_HZ), World(RATE_HZ)
        self.told = []
        opening = {"profile": "live", "stems": ("vocals",), "freewheel": False}
        opening |= {"round_trip_samples": 2048} | request
        request = Open(7, RATE_HZ, 1, BLOCK_FRAMES, **opening)
        self.stream = RelayedStream(
            request,
            self._upstream("remote", self.remote, request),
            self._upstream("local", self.local, request),
            answer=self.told.append,
            clock=self.remote.clock,
        )
        self.dry = np.random.default_rng(1).standard_normal((1, 60 * RATE_HZ)).astype(np.float32)
        self.blocks = 0

    def _upstream(self, name, world, request):
        wanted = as_stream_request(request)
        return Upstream(name, name, wanted, dial=world.dial, clock=self.remote.clock)

    def wait(self, seconds, until=lambda: False):
        """Let time pass; whether the condition came true."""
        for _ in range(int(seconds * RATE_HZ / STEP_SAMPLES)):
            self.remote.now += STEP_SAMPLES
            self.local.now = self.remote.now
            self.stream.tick()
            if until():
                return True
        return False

    def open(self):
        assert self.wait(5, until=lambda: self.told)
        return self.told.pop(0)

    def play(self, seconds, until=lambda: False):
        for _ in range(int(seconds * RATE_HZ / BLOCK_FRAMES)):
            start = self.blocks * BLOCK_FRAMES
            block = self.dry[:, start : start + BLOCK_FRAMES]
            self.stream.receive(Audio(7, self.blocks, start, block))
            self.blocks += 1
            self.wait(BLOCK_FRAMES / RATE_HZ)
            if until():
                return True
        return False

    @property
    def heard(self):
        return self.stream.active.name

    @property
    def stems(self):
        return [message for message in self.told if isinstance(message, Stems)]

    def check_stems(self):
        """Each sample at most once, in order, and the right one."""
        end = 0
        for number, stems in enumerate(self.stems):
            assert (stems.stream, stems.sequence) == (7, number)
            assert stems.position_samples >= end
            end = stems.position_samples + stems.samples.shape[2]
            dry = self.dry[:, stems.position_samples : end]
            np.testing.assert_allclose(stems.samples[0], 0.5 * dry, atol=1e-6)
        return end


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
