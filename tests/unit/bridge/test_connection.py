"""One connection against a bare socket: what is sent, skipped, answered and given up."""

import threading

import msgpack
import numpy as np
import pytest
import zmq

from plugin_bridge.connection import Connection, open_stream
from plugin_bridge.errors import ServerLost, ServerUnreachable
from plugin_bridge.handshake import StreamRequest
from protocol import Audio, Error, Ping, Pong, StemsError, decode, encode


class Peer:
    """The other end: a ROUTER socket that does only what a test has it do."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.RCVTIMEO, 5000)
        self._socket.bind(endpoint)
        self._identity = b""

    def receive(self):
        self._identity, *frames = self._socket.recv_multipart()
        return decode(frames)

    def send(self, *messages):
        for message in messages:
            self.send_frames(*encode(message))

    def send_frames(self, *frames):
        self._socket.send_multipart([self._identity, *frames])

    def close(self):
        self._context.destroy(linger=0)


@pytest.fixture
def peer(tmp_path):
    peer = Peer(f"ipc://{tmp_path}/peer.sock")
    yield peer
    peer.close()


@pytest.fixture
def connection(peer):
    """Return a connection that the peer knows."""
    with Connection(peer.endpoint) as connection:
        assert connection.wait_until_connected(5)
        assert connection.try_send(Ping(1))
        assert peer.receive() == Ping(1)
        yield connection


def test_messages_go_both_ways_in_order(connection, peer):
    peer.send(Pong(1), Error("E210", "no room"))
    assert connection.receive(5) == Pong(1)
    assert connection.receive(5) == Error("E210", "no room")
    connection.send(Ping(2), 5)
    assert peer.receive() == Ping(2)


def test_a_ping_of_the_server_is_answered_and_not_handed_on(connection, peer):
    peer.send(Ping(7), Pong(1))
    assert connection.receive(5) == Pong(1)
    assert peer.receive() == Pong(7)


def test_kinds_from_a_later_version_are_skipped(connection, peer):
    peer.send_frames(msgpack.packb({"type": "sing"}))
    peer.send(Pong(1))
    assert connection.receive(5) == Pong(1)


@pytest.mark.parametrize("frames", [(b"\xc1",), (b"",), (msgpack.packb([1]),)])
def test_nonsense_is_an_error_and_what_follows_is_read(connection, peer, frames):
    peer.send_frames(*frames)
    with pytest.raises(StemsError):
        connection.receive(5)
    peer.send(Pong(1))
    assert connection.receive(5) == Pong(1)


def test_silence_is_no_message(connection):
    assert connection.try_receive() is None
    assert connection.receive(0.01) is None


def test_every_wait_has_its_own_limit(connection, peer):
    """A long one after a short one takes what comes later than the short one would have waited."""
    assert connection.receive(0.001) is None
    late = threading.Timer(0.2, peer.send, [Pong(1)])
    late.start()
    assert connection.receive(5) == Pong(1)
    late.join()
    assert connection.receive(0) is None


def test_a_message_with_samples_goes_both_ways_whole(connection, peer):
    samples = np.arange(8, dtype=np.float32).reshape(2, 4)
    connection.send(Audio(1, 2, 3, samples), 5)
    echoed = peer.receive()
    peer.send(echoed, Pong(1))
    for audio in (echoed, connection.receive(5)):
        assert (audio.stream, audio.sequence, audio.position_samples) == (1, 2, 3)
        np.testing.assert_array_equal(audio.samples, samples)
    assert connection.receive(5) == Pong(1)


def test_nothing_is_queued_for_a_server_that_is_not_there(tmp_path):
    with Connection(f"ipc://{tmp_path}/nobody") as connection:
        assert not connection.wait_until_connected(0.01)
        assert not connection.try_send(Ping(1))
        with pytest.raises(ServerLost, match=r"nobody: ping could not be sent within 0\.01 s"):
            connection.send(Ping(1), 0.01)


def test_a_server_that_reads_nothing_stops_taking_messages(connection):
    sent = 0
    while connection.try_send(Ping(sent)) and sent < 100_000:
        sent += 1
    assert 0 < sent < 100_000


def test_leaving_closes_the_socket(peer):
    with Connection(peer.endpoint) as connection:
        assert not connection._socket.closed
    assert connection._socket.closed
    connection.close()


@pytest.mark.parametrize("endpoint", ["nonsense", "", "http://127.0.0.1:1", "tcp://:x"])
def test_an_endpoint_that_makes_no_sense_names_those_that_do(endpoint):
    with pytest.raises(ServerUnreachable, match=r"ipc:///path or tcp://127\.0\.0\.1:port expected"):
        Connection(endpoint)


def test_a_server_that_takes_the_connection_and_says_nothing_is_told_apart(peer):
    with pytest.raises(ServerUnreachable, match="no answer to hello in time; is it a server of"):
        open_stream(peer.endpoint, StreamRequest(44100, 2, 256), 0.2)
