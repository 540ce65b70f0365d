"""The live link's states on a clock of its own: pauses, time limits, redirects, broken wires."""

import itertools
from collections import deque

import pytest
from fake_server import WELCOME
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.errors import RedirectLoop
from plugin_bridge.handshake import MAXIMUM_REDIRECTS, StreamRequest
from plugin_bridge.live_link import (
    CONNECT_TIMEOUT_S,
    FIRST_BACK_OFF_S,
    MAXIMUM_BACK_OFF_S,
    MAXIMUM_MESSAGES_PER_CALL,
    OPEN_TIMEOUT_S,
    LinkState,
    LiveLink,
)
from protocol import Error, Hello, Latency, MalformedFrame, Open, Opened, Pong, ServerFull

REQUEST = StreamRequest(44100, 2, 256, profile="live", freewheel=False)


def opened(redirect=""):
    return Opened(1, "fake", "live", ("a",), Latency(1, 0, 0, 0), 0, 0, 0, redirect)


class Wire:
    """A connection whose other end is the test."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.takes = True  # whether messages can be sent
        self.sent = []
        self.arrived = deque()
        self.is_open = True

    def try_send(self, message):
        assert self.is_open
        if self.takes:
            self.sent.append(message)
        return self.takes

    def try_receive(self):
        assert self.is_open
        message = self.arrived.popleft() if self.arrived else None
        if isinstance(message, Exception):
            raise message
        return message

    def close(self):
        self.is_open = False


class Bench:
    """A link, the clock it reads, and every wire it has dialled."""

    def __init__(self):
        self.now = 0.0
        self.wires = [Wire("home")]
        self.dialled_at = []
        self.takes = True
        self.link = LiveLink("home", REQUEST, self.wires[0], dial=self._dial, clock=self._clock)

    def _clock(self):
        return self.now

    def _dial(self, endpoint):
        self.wires.append(Wire(endpoint))
        self.wires[-1].takes = self.takes
        self.dialled_at.append(self.now)
        return self.wires[-1]

    def run(self, seconds, step_s=0.01):
        """Advance as an audio callback does; returns what was granted, if anything was."""
        granted = None
        for _ in range(round(seconds / step_s)):
            self.now += step_s
            granted = self.link.advance(1000) or granted
        return granted

    def answer(self, *messages):
        self.wires[-1].arrived.extend(messages)


@pytest.fixture
def bench():
    return Bench()


def test_a_lost_link_pauses_says_hello_opens_where_the_host_is_and_is_live_again(bench):
    bench.link.lose("gone")
    assert (bench.link.state, bench.link.losses, bench.link.last_error) == ("lost", 1, "gone")
    bench.run(FIRST_BACK_OFF_S - 0.02)
    assert len(bench.wires) == 1
    bench.run(0.04)
    assert [type(message) for message in bench.wires[-1].sent] == [Hello]
    assert bench.link.state == LinkState.OPENING
    bench.answer(WELCOME)
    bench.run(0.02)
    assert isinstance(bench.wires[-1].sent[1], Open)
    assert bench.wires[-1].sent[1].position_samples == 1000
    bench.answer(opened())
    granted = bench.run(0.01)
    assert (granted.welcome, granted.opened) == (WELCOME, opened())
    assert (bench.link.state, bench.link.reconnects) == ("live", 1)


def test_a_live_link_has_nothing_to_do(bench):
    assert bench.run(5) is None
    assert len(bench.wires) == 1
    assert bench.wires[0].sent == []


def test_pauses_double_up_to_the_longest_while_nobody_listens(bench):
    bench.takes = False
    bench.link.lose("gone")
    bench.run(25)
    pauses = [b - a - CONNECT_TIMEOUT_S for a, b in itertools.pairwise(bench.dialled_at)]
    assert pauses[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6], abs=0.05)
    assert pauses[4:] == pytest.approx([MAXIMUM_BACK_OFF_S] * len(pauses[4:]), abs=0.05)
    assert len(pauses) > 10
    assert not any(wire.is_open for wire in bench.wires[:-1])
    assert bench.link.losses == 1
    assert "no server answers" in bench.link.last_error


def test_the_pause_is_short_again_only_once_stems_have_come(bench):
    for expected in (0.1, 0.2, 0.4):
        lost_at = bench.now
        bench.link.lose("gone")
        bench.run(expected + 0.05)
        assert bench.dialled_at[-1] - lost_at == pytest.approx(expected, abs=0.02)
        bench.answer(WELCOME, opened())
        assert bench.run(0.05) is not None
    bench.link.proved_good()
    lost_at = bench.now
    bench.link.lose("gone")
    bench.run(0.15)
    assert bench.dialled_at[-1] - lost_at == pytest.approx(FIRST_BACK_OFF_S, abs=0.02)


@given(events=st.lists(st.sampled_from(["answer", "refuse", "silence", "lose", "good"])))
def test_attempts_never_come_faster_than_the_shortest_pause(events):
    bench = Bench()
    for event in events:
        if event == "answer":
            bench.answer(WELCOME, opened())
        elif event == "refuse":
            bench.answer(WELCOME, Error("E210", "no room", 1))
        elif event == "lose" and bench.link.state == LinkState.LIVE:
            bench.link.lose("gone")
        elif event == "good" and bench.link.state == LinkState.LIVE:
            bench.link.proved_good()
        bench.run(0.5, step_s=0.02)
        assert sum(wire.is_open for wire in bench.wires) <= 1
    gaps = [b - a for a, b in itertools.pairwise(bench.dialled_at)]
    assert min(gaps, default=1) > FIRST_BACK_OFF_S - 0.001
    assert bench.link.losses - bench.link.reconnects == (bench.link.state != LinkState.LIVE)


def test_a_server_may_take_long_to_open_but_not_for_ever(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME)
    bench.run(OPEN_TIMEOUT_S - 1)
    assert bench.link.state == LinkState.OPENING
    assert bench.wires[1].is_open
    bench.run(2)
    assert not bench.wires[1].is_open
    assert "no server answers" in bench.link.last_error


def test_a_server_that_dies_between_its_answers_is_given_up_as_soon_as_one_never_there(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME)
    bench.wires[-1].takes = False
    bench.run(CONNECT_TIMEOUT_S + 0.1)
    assert bench.link.state == LinkState.LOST


def test_redirects_lead_on_and_the_next_attempt_starts_from_home(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME, opened("next"))
    bench.run(0.05)
    assert bench.wires[-1].endpoint == "next"
    assert not bench.wires[-2].is_open
    bench.answer(WELCOME, opened())
    assert bench.run(0.05) is not None
    bench.link.lose("gone")
    bench.run(0.5)
    assert bench.wires[-1].endpoint == "home"


def test_servers_that_send_us_in_circles_are_left_alone_for_a_while(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME, opened("next"))
    bench.run(0.05)
    bench.answer(WELCOME, opened("home"))
    bench.run(0.05)
    assert bench.link.state == LinkState.LOST
    assert "home -> next -> home" in bench.link.last_error


def test_too_many_redirects_end_an_attempt(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    for name in "abcd"[: MAXIMUM_REDIRECTS + 1]:
        bench.answer(WELCOME, opened(name))
        bench.run(0.05)
    assert bench.link.state == LinkState.LOST
    assert "at most 3 redirects" in bench.link.last_error


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Error("E210", "no room", 1), "no room"),
        (Pong(3), "welcome expected"),
        (MalformedFrame("not ours"), "not ours"),
    ],
)
def test_whatever_is_no_welcome_ends_the_attempt_and_is_told(bench, reply, told):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(reply)
    bench.run(0.02)
    assert bench.link.state == LinkState.LOST
    assert told in bench.link.last_error
    assert bench.link.losses == 1


def test_a_callback_receives_a_bounded_number_of_messages_in_order(bench):
    bench.answer(*(Pong(token) for token in range(MAXIMUM_MESSAGES_PER_CALL + 6)))
    first = [message.token for message in bench.link.receive()]
    assert first == list(range(MAXIMUM_MESSAGES_PER_CALL))
    assert len(list(bench.link.receive())) == 6


def test_a_wire_that_carries_nonsense_is_given_up(bench):
    bench.answer(Pong(1), MalformedFrame("not ours"), Pong(2))
    assert [message.token for message in bench.link.receive()] == [1]
    assert (bench.link.state, bench.link.losses) == ("lost", 1)
    assert not bench.wires[0].is_open


def test_a_closed_link_sends_and_receives_nothing(bench):
    bench.link.close()
    bench.link.close()
    assert not bench.link.try_send(Pong(1))
    assert list(bench.link.receive()) == []


def test_a_link_without_a_wire_looks_for_its_server_at_once(bench):
    bench.link = LiveLink("home", REQUEST, None, dial=bench._dial, clock=bench._clock)
    assert (bench.link.state, bench.link.last_error, bench.link.refusal) == ("lost", "", None)
    assert bench.link.socket is None
    bench.link.advance(0)
    assert bench.dialled_at == [0.0]
    bench.answer(WELCOME, opened())
    assert bench.run(0.05) is not None
    assert (bench.link.losses, bench.link.reconnects) == (0, 1)


def test_a_link_is_lost_connecting_opening_and_live_again(bench):
    """As users read it in a session's statistics."""
    bench.link.lose("gone")
    states = [str(bench.link.state)]
    bench.takes = False
    bench.run(FIRST_BACK_OFF_S + 0.02)
    states.append(str(bench.link.state))
    bench.wires[-1].takes = True
    bench.run(0.02)
    states.append(str(bench.link.state))
    bench.answer(WELCOME, opened())
    bench.run(0.05)
    assert [*states, str(bench.link.state)] == ["lost", "connecting", "opening", "live"]


def test_only_a_refusal_is_kept_and_only_until_the_next_attempt(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME, Error("E210", "no room", 1))
    bench.run(0.05)
    assert isinstance(bench.link.refusal, ServerFull)
    bench.run(0.5)
    bench.answer(MalformedFrame("not ours"))
    bench.run(0.02)
    assert bench.link.refusal is not None, "a broken wire says nothing of the refusal"
    bench.run(1.0)
    bench.answer(Pong(3))
    bench.run(0.02)
    assert bench.link.refusal is None


def test_a_message_waits_while_the_socket_takes_none(bench):
    assert not bench.link.has_unsent, "nothing to send"
    bench.takes = False
    bench.link.lose("gone")
    assert not bench.link.has_unsent, "nowhere to send it to"
    bench.run(FIRST_BACK_OFF_S + 0.02)
    assert bench.link.has_unsent
    bench.wires[-1].takes = True
    bench.run(0.01)
    assert not bench.link.has_unsent
    assert len(bench.wires[-1].sent) == 1
    bench.run(0.05)
    assert len(bench.wires[-1].sent) == 1, "once"


def test_what_to_poll_is_the_socket_of_the_wire_there_is(bench):
    bench.wires[0].socket = "the first"
    assert bench.link.socket == "the first"
    bench.link.lose("gone")
    assert bench.link.socket is None


@pytest.mark.parametrize("error", [RedirectLoop("in circles"), MalformedFrame("no such address")])
def test_an_endpoint_that_cannot_be_dialled_is_tried_again(bench, error):
    def fail(_endpoint):
        bench.dialled_at.append(bench.now)
        raise error

    bench.link = LiveLink("home", REQUEST, None, dial=fail, clock=bench._clock)
    bench.run(1.0)
    assert bench.link.last_error == str(error)
    assert bench.dialled_at == pytest.approx([0.01, 0.11, 0.31, 0.71], abs=0.03)
    assert (bench.link.state, bench.link.losses) == ("lost", 0)


def test_an_attempt_that_fails_is_no_further_loss(bench):
    bench.link.lose("gone")
    bench.link.lose("gone again")
    assert (bench.link.losses, bench.link.last_error) == (1, "gone again")


def test_an_open_link_sends_what_its_socket_takes(bench):
    assert bench.link.try_send(Pong(1))
    bench.wires[0].takes = False
    assert not bench.link.try_send(Pong(2))
    assert bench.wires[0].sent == [Pong(1)]


def test_each_attempt_opens_where_the_host_is_by_then(bench):
    for position in (500, 900):
        bench.link.lose("gone")
        bench.now += 1.0
        bench.link.advance(position)
        bench.answer(WELCOME)
        bench.link.advance(position + 7)
        bench.link.advance(position + 9)
        assert bench.wires[-1].sent[1].position_samples == position


def test_a_redirect_opens_the_stream_where_the_host_is_by_then(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME, opened("next"))
    for _ in range(4):
        bench.now += 0.01
        bench.link.advance(1700)
    bench.answer(WELCOME, opened())
    assert bench.run(0.05) is not None
    assert [wire.endpoint for wire in bench.wires] == ["home", "home", "next"]
    assert bench.wires[-1].sent[1].position_samples == 1700


def test_after_a_welcome_the_next_message_must_go_out_soon(bench):
    bench.link.lose("gone")
    bench.run(0.2)
    bench.answer(WELCOME)
    bench.wires[-1].takes = False
    bench.run(CONNECT_TIMEOUT_S - 0.03)
    assert bench.wires[1].is_open
    bench.run(0.06)
    assert not bench.wires[1].is_open


def test_when_a_server_that_is_gone_is_looked_for(bench):
    """In seconds: each attempt lasts a quarter, and the pauses between them double."""
    bench.takes = False
    bench.link.lose("gone")
    bench.run(8.5)
    expected = [0.1, 0.55, 1.2, 2.25, 4.1, 6.35]
    assert bench.dialled_at == pytest.approx(expected, abs=0.08)


def test_a_server_that_says_nothing_has_half_a_minute_to_load_its_model(bench):
    bench.link.lose("gone")
    bench.run(30)
    assert len(bench.wires) == 2
    bench.run(0.3)
    assert (bench.link.state, bench.wires[1].is_open) == (LinkState.LOST, False)


def test_one_callback_takes_in_64_messages_at_most(bench):
    bench.answer(*(Pong(token) for token in range(100)))
    assert len(list(bench.link.receive())) == 64
