"""One server as the relay sees it: what it awaits, what it keeps, and when it gives it up."""

import numpy as np
import pytest
import zmq
from fake_server import World

from plugin_bridge.handshake import StreamRequest
from plugin_bridge.history import DryHistory
from plugin_bridge.live import BLOCKED_SEND_S
from plugin_bridge.live_link import LinkState
from plugin_bridge.relay import Upstream
from plugin_bridge.relay.link_time import PINGS
from plugin_bridge.sockets import KEEP_ALIVE_S
from protocol import Audio, Hello, Open, Ping

RATE_HZ = 44_100


class Bench:
    def __init__(self, *, freewheel=False):
        self.world = World(RATE_HZ)
        request = StreamRequest(RATE_HZ, 1, 256, profile="live", freewheel=freewheel)
        self.upstream = Upstream("remote", "far", request, dial=self._dial, clock=self.world.clock)

    def _dial(self, endpoint):
        wire = self.world.dial(endpoint)
        wire.socket = object()
        return wire

    def step(self, times=1):
        messages = []
        for _ in range(times):
            self.world.now += 21
            if self.upstream.advance(0) is not None:
                self.upstream.feed(DryHistory(1, RATE_HZ, 0), 0, 0)
            messages += self.upstream.messages()
        return messages

    def live(self):
        self.step(100)
        assert self.upstream.is_live
        return self

    def audio(self, block):
        self.upstream.audio(Audio(1, block, 256 * block, np.zeros((1, 256), np.float32)))

    @property
    def heard(self):
        """Return the numbers of the blocks that the server has had."""
        return [each.sequence for each in self.world.server.log if isinstance(each, Audio)]


@pytest.fixture
def live():
    return Bench().live()


def test_the_way_is_measured_between_hello_and_open(live):
    kinds = [type(message) for message in live.world.server.log[: PINGS + 2]]
    assert kinds == [Hello, *[Ping] * PINGS, Open]


def test_replies_of_the_handshake_reach_it_whenever_they_come():
    """Also those that arrive between its step and the reading of everything else."""
    bench = Bench()
    upstream = bench.upstream
    for _ in range(100):
        bench.world.now += 21
        accepted = upstream.advance(0)
        bench.world.now += 21
        assert list(upstream.messages()) == []
        if accepted is not None:
            return
    pytest.fail("the handshake lost a reply")


def test_what_is_awaited_is_the_socket_and_room_in_it_only_while_something_waits(live):
    assert Bench().upstream.awaited is None
    assert live.upstream.awaited[1] == zmq.POLLIN
    starting = Bench()
    starting.world.is_down = True
    starting.step()
    assert starting.upstream.awaited[1] == zmq.POLLIN | zmq.POLLOUT


def test_lossless_blocks_wait_for_room_and_keep_their_order():
    bench = Bench(freewheel=True).live()
    bench.world.is_down = True
    for block in range(3):
        bench.audio(block)
    assert bench.upstream.awaited[1] & zmq.POLLOUT
    bench.world.is_down = False
    bench.step()
    assert bench.heard == [0, 1, 2]
    assert bench.upstream.awaited[1] == zmq.POLLIN


def test_live_blocks_that_find_no_room_are_lost_and_so_is_the_server_in_time(live):
    live.world.is_down = True
    live.audio(0)
    live.step()
    assert live.upstream.link.state is LinkState.LIVE
    live.world.now += int(BLOCKED_SEND_S * RATE_HZ)
    live.step()
    assert live.upstream.link.state is not LinkState.LIVE
    assert live.upstream.is_failing(live.world.clock())


def test_a_silent_stream_is_kept_alive(live):
    live.world.server.log.clear()
    live.world.now += int((KEEP_ALIVE_S + 0.1) * RATE_HZ)
    live.step()
    assert [type(message) for message in live.world.server.log] == [Ping]
