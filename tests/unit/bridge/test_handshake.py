"""From hello to an open stream, and where redirects end."""

import pytest
from fake_server import WELCOME

from plugin_bridge.errors import RedirectLoop
from plugin_bridge.handshake import Route, StreamRequest, handshake
from protocol import (
    Error,
    Hello,
    Latency,
    Open,
    Opened,
    Pong,
    ServerFull,
    UnexpectedMessage,
    UnsupportedVersion,
)

REQUEST = StreamRequest(48000, 1, 256, "fake", "live", ("a",), freewheel=False)


def opened(redirect=""):
    return Opened(1, "fake", "live", ("a",), Latency(1, 0, 0, 0), 0, 0, 0, redirect)


def test_hello_then_open_with_what_was_asked_for():
    steps = handshake(REQUEST)
    hello = next(steps)
    assert isinstance(hello, Hello)
    assert (hello.major, hello.minor) == (1, 0)
    asked = steps.send(WELCOME)
    assert asked == Open(1, 48000, 1, 256, "fake", "live", ("a",))
    with pytest.raises(StopIteration) as done:
        steps.send(opened())
    assert (done.value.value.welcome, done.value.value.opened) == (WELCOME, opened())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Error("E103", "too old"), UnsupportedVersion),
        (Error("E210", "no room"), ServerFull),
        (Pong(1), UnexpectedMessage),
    ],
)
def test_any_other_reply_is_an_error(reply, error):
    steps = handshake(REQUEST)
    next(steps)
    with pytest.raises(error):
        steps.send(reply)


def test_a_route_is_followed_three_times_at_most():
    route = Route("a")
    assert not route.follow(opened())
    for endpoint in "bcd":
        assert route.follow(opened(endpoint))
        assert route.endpoint == endpoint
    with pytest.raises(RedirectLoop, match="a -> b -> c -> d -> e"):
        route.follow(opened("e"))


@pytest.mark.parametrize("back", ["a", "b"])
def test_a_route_never_leads_back(back):
    route = Route("a")
    assert route.follow(opened("b"))
    with pytest.raises(RedirectLoop, match="none back"):
        route.follow(opened(back))
