"""Peers whose key is revoked, who send too much, or whose next model does not come."""

import pytest
from sessions_desk import A, B, Desk

from dsp.separator import Lane
from protocol import (
    Close,
    Error,
    Ping,
    Pong,
    ServerFull,
    Set,
)
from server.config import build
from server.lanes.admission import Demand
from server.streams.worker import SwitchModel


@pytest.fixture
def desk():
    desk = Desk()
    desk.hello(A)
    return desk


def test_a_revoked_key_ends_what_its_peer_has_and_says_so(desk):
    desk.hello(B)
    desk.opened(A), desk.opened(B)
    desk.wire.clear()
    desk.sessions.revoke(A)
    assert [(peer, answer.code) for peer, answer in desk.wire if isinstance(answer, Error)] == [
        (A, "E303")
    ]
    assert desk.table.find(A) is None
    assert 1 in desk.table.find(B).streams
    desk.sessions.revoke(b"nobody")
    assert desk.wire[-1][0] == b"nobody", "whoever writes is told"


def test_who_sends_too_much_is_told_once_and_then_ignored(desk):
    limit = build({}).limits.peer_messages_per_s
    answers = [desk.say(A, Ping(token)) for token in range(limit + 3)]
    said = [type(answer) for given in answers for answer in given]
    assert set(said[: limit - 1]) == {Pong}
    assert said.count(Error) == 1
    assert desk.meter("throttled_messages_total") >= 1
    desk.now += 1.0
    assert desk.say(A, Ping(9)) == [Pong(9)]


def test_a_switch_of_models_that_fails_is_told_and_the_stream_stays(desk):
    stream = desk.opened(A)
    assert desk.say(A, Set(1, model="other")) == []
    desk.opener.fail(ServerFull("no memory for it"))
    assert desk.wire[-1][1].code == "E210"
    assert desk.table.find(A).streams[1] is stream


def loaded(desk, demand=None):
    """Have the model of the last switch come."""
    request, on_loaded, _ = desk.opener.asked.pop(0)
    on_loaded(SwitchModel(request, "other", ("vocals",), None, demand))


def test_a_loaded_model_is_the_streams_next_request(desk):
    stream = desk.opened(A)
    desk.say(A, Set(1, model="other"))
    loaded(desk)
    assert (stream.model, len(stream.task.inbox)) == ("other", 1)


def test_a_model_too_dear_for_the_lane_is_refused_when_it_is_loaded(desk):
    stream = desk.opened(A)
    desk.costs.start(("other", "live"), [0.006])
    demand = Demand(("other", "live"), Lane.REALTIME, period_s=0.01, deadline_s=0.02)
    desk.admission.admit("another stream", demand)
    desk.say(A, Set(1, model="other"))
    loaded(desk, demand)
    assert desk.wire[-1][1].code == "E210"
    assert (stream.model, len(stream.task.inbox)) == ("model", 0)


@pytest.mark.parametrize("ends", ["loaded", "failed"])
def test_a_model_that_comes_after_its_stream_was_closed_says_nothing(desk, ends):
    desk.opened(A)
    desk.say(A, Set(1, model="other"))
    desk.say(A, Close(1))
    before = len(desk.wire)
    if ends == "loaded":
        loaded(desk)
    else:
        desk.opener.fail(ServerFull("no memory for it"))
    assert len(desk.wire) == before
