"""What the relay's clients see: a server's manners, one stream per number, nothing left behind."""

import pytest
from fake_server import WELCOME

from plugin_bridge.relay import Relay
from plugin_bridge.relay.relay import MAXIMUM_PEERS, PEER_TIMEOUT_S
from protocol import (
    MAJOR,
    MINOR,
    Close,
    Closed,
    Error,
    Flush,
    Hello,
    Limits,
    Open,
    Ping,
    Pong,
    UnknownStream,
    Welcome,
    encode,
)

OPENING = Open(1, 44_100, 2, 256, profile="live", freewheel=False)


class Stream:
    """A relayed stream that only remembers."""

    def __init__(self, request, answer):
        self.request, self.answer = request, answer
        self.is_closed = False
        self.ticks = 0
        self.awaited = [("socket", request.stream)]

    def tick(self):
        self.ticks += 1

    def close(self):
        self.is_closed = True
        return Closed(self.request.stream, 0, 0)


class Bench:
    def __init__(self):
        self.now, self.told, self.streams, self.gone = 0.0, [], [], set()
        self.relay = Relay(
            WELCOME, self._make, reply=self._reply, limits=Limits(), clock=lambda: self.now
        )

    def _make(self, request, answer):
        self.streams.append(Stream(request, answer))
        return self.streams[-1]

    def _reply(self, identity, message, request):
        self.told.append((identity, message, request))
        return identity not in self.gone

    def say(self, message, identity=b"a"):
        """Return what the client was answered, None for nothing."""
        before = len(self.told)
        self.relay.receive(identity, [bytes(frame) for frame in encode(message)])
        return self.told[-1][1] if len(self.told) > before else None

    def hello(self, identity=b"a"):
        return self.say(Hello(MAJOR, MINOR, "test"), identity)


@pytest.fixture
def bench():
    bench = Bench()
    assert isinstance(bench.hello(), Welcome)
    return bench


def test_hello_comes_first_and_once(bench):
    assert bench.say(Ping(1), b"stranger").code == "E104"
    assert bench.hello().code == "E104"
    assert bench.say(Ping(3)) == Pong(3)


def test_what_is_no_message_is_answered_by_its_code(bench):
    bench.relay.receive(b"a", [b"nonsense"])
    assert isinstance(bench.told[-1][1], Error)


def test_n_clients_are_taken_and_the_next_is_refused(bench):
    for number in range(MAXIMUM_PEERS - 1):
        assert isinstance(bench.hello(b"%d" % number), Welcome)
    assert bench.hello(b"one more").code == "E210"


def test_a_number_is_one_stream_until_it_is_closed(bench):
    bench.say(OPENING)
    assert isinstance(bench.say(OPENING), Error)
    assert bench.say(Close(1)) == Closed(1, 0, 0)
    assert isinstance(bench.say(Close(1)), Error)
    assert bench.say(OPENING) is None
    assert len(bench.streams) == 2


def test_answers_of_a_stream_say_how_it_was_opened(bench):
    """Whether its stems may be dropped depends on it."""
    bench.say(OPENING)
    bench.streams[0].answer(Pong(1))
    assert bench.told[-1] == (b"a", Pong(1), OPENING)


def test_streams_are_stepped_awaited_and_let_go_when_closed(bench):
    bench.say(OPENING)
    bench.relay.tick()
    assert bench.streams[0].ticks == 1
    assert bench.relay.awaited() == [("socket", 1)]
    bench.streams[0].is_closed = True
    bench.relay.tick()
    assert (bench.relay.streams, bench.relay.awaited()) == ([], [])


def test_a_silent_client_is_forgotten_with_its_streams_and_others_stay(bench):
    bench.say(OPENING)
    bench.now = PEER_TIMEOUT_S
    bench.hello(b"b")
    bench.relay.expire()
    assert not bench.streams[0].is_closed
    bench.now += 0.1
    bench.relay.expire()
    assert bench.streams[0].is_closed
    assert bench.say(Ping(1), b"b") == Pong(1)


def test_a_client_that_cannot_be_reached_is_forgotten(bench):
    bench.say(OPENING)
    bench.gone.add(b"a")
    bench.say(Ping(1))
    assert bench.streams[0].is_closed


def test_at_the_end_every_stream_is_told_and_closed(bench):
    bench.say(OPENING)
    bench.relay.shut_down()
    assert bench.told[-1][1].stream == 1
    assert bench.streams[0].is_closed
    assert bench.relay.streams == []


def test_pings_are_answered_and_pongs_are_not(bench):
    assert bench.say(Ping(12)) == Pong(12)
    assert bench.say(Pong(0)) is None


def test_what_a_stream_is_sent_needs_one_that_is_open(bench):
    answer = bench.say(Flush(9))
    assert (answer.code, answer.stream) == (UnknownStream.code, 9)
    assert bench.say(Close(9)).code == UnknownStream.code


def test_what_belongs_to_no_stream_is_refused(bench):
    assert bench.say(Welcome(1, 0, "a server", (), "", 1, 2, 3, 4, 5)).code == UnknownStream.code
