"""What a client may ask for again and again is bounded: nothing waits without end."""

import threading
import time

import pytest
from server_client import RawClient, noise, running_server

from dsp.networks.fixed_gains import FixedGainsSeparator
from protocol import Applied, Close, Closed, Error, Open, Opened, Ping, Pong, Preroll, Seek, Set
from server.sessions.opening import StreamOpener


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path) as server:
        yield server


@pytest.fixture
def client(server):
    with RawClient(server.endpoint) as client:
        yield client


@pytest.fixture
def held_opener(monkeypatch):
    """An opener that does nothing until the event is set."""
    go_on, work = threading.Event(), StreamOpener._opening

    def wait_then_open(self, *arguments):
        go_on.wait(20)
        return work(self, *arguments)

    monkeypatch.setattr(StreamOpener, "_opening", wait_then_open)
    yield go_on
    go_on.set()


def until_pong(client):
    """Return every answer up to now."""
    client.send(Ping(99))
    answers = []
    while not isinstance(answer := client.receive(), Pong):
        answers.append(answer)
    return answers


def waiting(server):
    return server._opener._executor._work_queue.qsize()


def test_openings_of_streams_that_are_closed_again_do_not_queue_up(server, client, held_opener):
    for _ in range(500):
        client.send(Open(1, 44_100, 2, 256))
        client.send(Close(1))
    answers = until_pong(client)
    assert waiting(server) < 8, "maximum_streams_per_peer, the running one less"
    assert sum(isinstance(answer, Closed) for answer in answers) == 8
    refused = [answer for answer in answers if isinstance(answer, Error)]
    assert {(error.code, error.stream) for error in refused} == {("E102", 1), ("E204", 1)}
    assert "maximum_streams_per_peer is 8" in next(e.reason for e in refused if e.code == "E102")
    held_opener.set()
    (peer,) = server._sessions._table
    deadline = time.monotonic() + 10
    while peer.loads:
        assert time.monotonic() < deadline, "what was refused is counted as under way"
        time.sleep(0.01)
    assert client.open(2).stream == 2, "and it goes on"


def test_another_client_still_gets_its_stream(server, client, held_opener):
    for _ in range(500):
        client.send(Open(1, 44_100, 2, 256))
        client.send(Close(1))
    until_pong(client)
    with RawClient(server.endpoint) as other:
        other.send(Open(1, 44_100, 2, 256))
        held_opener.set()
        other.expect(Opened)


def test_switches_of_the_model_do_not_queue_up(server, client, monkeypatch):
    client.open()
    go_on, work = threading.Event(), StreamOpener._switch

    def wait_then_switch(self, opened, request):
        go_on.wait(20)
        return work(self, opened, Set(1, model="fixed-gains"))

    monkeypatch.setattr(StreamOpener, "_switch", wait_then_switch)
    for _ in range(500):
        client.send(Set(1, model="rocknet"))
    answers = until_pong(client)
    assert [answer.code for answer in answers] == ["E102"] * 492
    assert waiting(server) < 8
    go_on.set()
    assert [client.expect(Applied).model for _ in range(8)] == ["fixed-gains"] * 8


def test_a_round_trip_without_end_is_no_queue_without_end(server, client):
    client.open(rate_hz=8000, round_trip_samples=2**53 - 1)
    (stream,) = server._sessions._table.streams
    assert stream.live_frames < 10 * 8000
    assert stream.task.inbox._capacity_frames < 12 * 8000


def test_preroll_that_was_broken_off_is_forgotten_by_a_seek(server, client):
    client.open(rate_hz=8000, freewheel=True)
    part = noise(65_536)
    for _ in range(40):  # more than maximum_preroll_frames in all
        client.send(Preroll(1, 0, part, last=False))
        client.send(Seek(1, 70_000))
    client.send(Preroll(1, 70_000, noise(4096)))
    assert until_pong(client) == []
    client.audio(noise(1024), 74_096)
    stems, flushed = client.flush()
    assert (stems[0].position_samples, flushed.position_samples) == (74_096, 75_120)


def test_preroll_sent_over_and_over_waits_within_bounds(server, client, monkeypatch):
    client.open(freewheel=True)
    go_on, push = threading.Event(), FixedGainsSeparator.push

    def wait_then_push(self, frames):
        go_on.wait(20)
        return push(self, frames)

    monkeypatch.setattr(FixedGainsSeparator, "push", wait_then_push)
    client.audio(noise(8192))
    for _ in range(60):
        client.send(Preroll(1, 0, noise(65_536)))
    refused = until_pong(client)
    go_on.set()
    assert {error.code for error in refused} == {"E102"}
    assert len(refused) == 60 - 2 * 1_536_000 // 65_536
