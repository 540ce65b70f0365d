"""How long the way takes is measured between hello and open, with the server's manners checked."""

import pytest
from fake_server import LATENCY, WELCOME

from plugin_bridge.handshake import StreamRequest
from plugin_bridge.relay.link_time import MARGIN, PINGS, measured_handshake
from protocol import Error, Open, Opened, Ping, Pong, ServerFull, UnexpectedMessage

REQUEST = StreamRequest(44_100, 2, 256, profile="live", freewheel=False)
OPENED = Opened(1, "fake", "live", ("a",), LATENCY, 0, 0, 0)


class Drive:
    """A handshake on a clock of its own, as far as its first ping."""

    def __init__(self):
        self.now, self.reports = 0.0, []
        self.steps = measured_handshake(REQUEST, lambda: self.now, self.reports.append)
        next(self.steps)
        self.asked = self.steps.send(WELCOME)

    def answer(self, reply, after_s=0.0):
        self.now += after_s
        self.asked = self.steps.send(reply)


@pytest.fixture
def drive():
    return Drive()


def test_the_median_of_all_pings_is_told_with_a_margin(drive):
    tokens = []
    for number in range(PINGS):
        assert isinstance(drive.asked, Ping)
        tokens.append(drive.asked.token)
        drive.answer(Pong(drive.asked.token), after_s=5.0 if number < PINGS // 2 else 0.01)
    assert tokens == list(range(PINGS))
    assert drive.reports == pytest.approx([MARGIN * 0.01]), "a few long ones do not count"
    assert isinstance(drive.asked, Open)
    with pytest.raises(StopIteration) as done:
        drive.answer(OPENED)
    assert done.value.value.opened == OPENED


def test_a_server_that_refuses_pings_is_quoted(drive):
    with pytest.raises(ServerFull, match="no room"):
        drive.answer(Error("E210", "no room"))


def test_a_server_that_answers_anything_else_is_left(drive):
    with pytest.raises(UnexpectedMessage, match="welcome to a ping"):
        drive.answer(WELCOME)
    assert drive.reports == []


def test_a_refused_opening_is_raised_as_it_is(drive):
    for _ in range(PINGS):
        drive.answer(Pong(0))
    with pytest.raises(ServerFull, match="no room"):
        drive.answer(Error("E210", "no room", 1))
