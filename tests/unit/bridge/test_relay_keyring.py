"""Which of a server's keys is tried when, old and new; no socket is opened."""

import pytest
import zmq

from plugin_bridge.access import Access
from plugin_bridge.connection import Connection
from plugin_bridge.relay import Keyring
from protocol import Ping


def access():
    server, _ = zmq.curve_keypair()
    _, client = zmq.curve_keypair()
    return Access(server.decode(), client.decode())


OLD, NEW = access(), access()


class Server:
    """Takes messages under one key; remembers which ones were tried."""

    def __init__(self, monkeypatch):
        self.key = OLD
        self.tried = []
        server = self

        def connect(connection, _endpoint, access):
            connection.access = access
            server.tried.append(access)

        monkeypatch.setattr(Connection, "__init__", connect)
        monkeypatch.setattr(
            Connection, "try_send", lambda connection, _: connection.access == server.key
        )


@pytest.fixture
def server(monkeypatch):
    return Server(monkeypatch)


def attempt(dial):
    """Connect and say something; whether that was possible."""
    return dial("tcp://studio:5555").try_send(Ping(0))


def test_one_key_is_tried_again_and_again(server):
    dial = Keyring([NEW]).dialer()
    assert not any(attempt(dial) for _ in range(3))
    assert server.tried == [NEW] * 3


def test_each_attempt_takes_the_next_key_until_one_is_taken(server):
    server.key = NEW
    dial = Keyring([OLD, NEW]).dialer()
    assert [attempt(dial) for _ in range(4)] == [False, True, True, True]
    assert server.tried == [OLD, NEW, NEW, NEW]


def test_a_rotation_is_followed_there_and_back(server):
    dial = Keyring([OLD, NEW]).dialer()
    assert attempt(dial)
    server.key = NEW
    assert [attempt(dial) for _ in range(3)] == [False, True, True]
    server.key = OLD
    assert [attempt(dial) for _ in range(3)] == [False, True, True]


def test_other_streams_begin_with_what_one_has_found(server):
    server.key = NEW
    keyring = Keyring([OLD, NEW])
    first = keyring.dialer()
    attempt(first)
    attempt(first)
    assert attempt(keyring.dialer())
    assert keyring.preferred == NEW


def test_streams_that_connect_at_the_same_time_do_not_spoil_each_others_turn(server):
    """Each has its own order: else two could take turns with the wrong key for ever."""
    server.key = NEW
    keyring = Keyring([OLD, NEW])
    first, second = keyring.dialer(), keyring.dialer()
    assert [attempt(first), attempt(second)] == [False, False]
    assert [attempt(first), attempt(second)] == [True, True]
