"""Who is refused by a server for other machines, and that everybody is told why."""

import socket
import time

import numpy as np
import pytest
import zmq
from secure_server import Keys, Proxy, secure_server
from server_client import expected, noise, running_server
from zmq.utils.monitor import recv_monitor_message

import plugin_bridge
from plugin_bridge import AccessRefused, BadKey
from protocol import MAJOR, MINOR, Error, Hello, Ping, Pong, Welcome, decode, encode

TIMEOUT_MS = 10_000
MARK = b"eavesdropper, do you read me?"


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "keys")


@pytest.fixture
def server(tmp_path, keys):
    with secure_server(tmp_path / "run", keys) as server:
        yield server


class Client:
    """A bare DEALER and the events of its handshake."""

    def __init__(self, endpoint, **options):
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.reconnect_ivl = -1
        self.socket.immediate = 1
        for name, value in options.items():
            setattr(self.socket, name, value)
        self._monitor = self.socket.get_monitor_socket()
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disable_monitor()
        self._monitor.close(0)
        self._context.destroy(linger=0)

    def ask(self, message, timeout_ms=TIMEOUT_MS):
        self.socket.send_multipart(encode(message))
        return decode(self.socket.recv_multipart()) if self.socket.poll(timeout_ms) else None

    def outcome(self):
        """Return how the handshake ended: the event's name and value."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while time.monotonic() < deadline:
            if self._monitor.poll(100):
                event = recv_monitor_message(self._monitor)
                name = zmq.Event(event["event"]).name
                if name.startswith("HANDSHAKE"):
                    return name, event["value"]
        return "nothing", 0


def curve(keys, client=None, server_public=None):
    pair = client or keys.client
    return {
        "curve_serverkey": (server_public or keys.server.public).encode(),
        "curve_publickey": pair.public.encode(),
        "curve_secretkey": pair.secret.encode(),
    }


def said_hello(server):
    return server.metrics.registry.get_sample_value("phoenix_stems_peers")


def admitted(server, status):
    name, labels = "phoenix_stems_handshakes_total", {"status": status}
    return server.metrics.registry.get_sample_value(name, labels) or 0


def test_a_listed_key_is_let_in(server, keys):
    with Client(server.endpoint, **curve(keys)) as client:
        assert isinstance(client.ask(Hello(MAJOR, MINOR, "test")), Welcome)
        assert client.outcome()[0] == "HANDSHAKE_SUCCEEDED"
    assert admitted(server, "200") == 1


def failed(server):
    """Return how many handshakes failed before the allow-list was asked, for whatever reason."""
    counter = server.metrics.failed_handshakes.collect()[0]
    return sum(sample.value for sample in counter.samples if sample.name.endswith("_total"))


def refused(kind, keys):
    stranger = keys.store.create("stranger")
    return {
        "NULL": {},
        "PLAIN": {"plain_username": b"user", "plain_password": b"password"},
        "wrong server key": curve(keys, server_public=stranger.public),
        "unlisted key": curve(keys, stranger),
    }[kind]


@pytest.mark.parametrize("kind", ["NULL", "PLAIN", "wrong server key", "unlisted key"])
def test_everybody_else_is_refused_and_told(server, keys, kind, figure):
    with Client(server.endpoint, **refused(kind, keys)) as client:
        event, value = client.outcome()
        assert not client.socket.poll(200, zmq.POLLOUT), "nothing can be said any more"
    assert event.startswith("HANDSHAKE_FAILED")
    assert (event, value) == ("HANDSHAKE_FAILED_AUTH", 400) or kind != "unlisted key"
    assert said_hello(server) == 0
    assert admitted(server, "400") == (kind == "unlisted key")
    wait_until(lambda: failed(server) == (kind != "unlisted key"))
    figure(f"authentication, {kind}", let_in=said_hello(server), told=f"{event} {value}")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("no keys", "encrypted connections only; give server_key and client_key"),
        ("wrong server key", "server_key is not its key"),
        ("unlisted key", r"refused this client's key \(status 400\).*phoenix-stems keys allow"),
    ],
)
def test_the_bridge_says_what_is_wrong_and_does_not_wait_for_its_time_limit(
    server, keys, kind, reason
):
    stranger = keys.store.create("stranger")
    arguments = {
        "no keys": {},
        "wrong server key": {**keys.arguments, "server_key": stranger.public},
        "unlisted key": {**keys.arguments, "client_key": stranger.secret},
    }[kind]
    with pytest.raises(AccessRefused, match=reason):
        plugin_bridge.connect(server.endpoint, profile="live", timeout_s=60, **arguments)


async def test_asyncio_is_told_the_same(server, keys):
    with pytest.raises(AccessRefused, match="encrypted connections only"):
        await plugin_bridge.connect_async(server.endpoint, profile="live")
    session = await plugin_bridge.connect_async(server.endpoint, profile="live", **keys.arguments)
    async with session:
        assert session.stems == ("vocals", "drums", "other")


def test_keys_for_a_server_that_does_not_encrypt_are_refused_too(tmp_path, keys):
    """Else a client that asked for encryption would talk in the clear."""
    with (
        running_server(tmp_path / "run", endpoint="tcp://127.0.0.1:*") as server,
        pytest.raises(AccessRefused, match="not speak CURVE"),
    ):
        plugin_bridge.connect(server.endpoint, profile="live", **keys.arguments)


def test_every_way_to_connect_takes_keys_and_the_stems_are_exact(server, keys):
    audio = noise(20_000)
    file = keys.store.path("client")
    arguments = {"server_key": keys.server.public, "client_key": file}
    with plugin_bridge.connect(server.endpoint, profile="live", **arguments) as session:
        blocks = list(session.separate(audio))
    stems = np.concatenate([block.samples for block in blocks], axis=-1)
    np.testing.assert_allclose(stems, expected(audio), atol=1e-6)
    with plugin_bridge.connect_live(server.endpoint, **arguments) as live:
        assert live.process(audio[:, :256]).shape == (3, 2, 256)
    with plugin_bridge.connect_offline_live(server.endpoint, **arguments) as offline:
        assert offline.process(audio[:, :256]).shape == (3, 2, 256)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"client_key": None}, "belong together"),
        ({"server_key": None}, "belong together"),
        ({"server_key": "x" * 39}, "server_key: 40 characters"),
        ({"client_key": "~" * 40}, "client_key: 40 characters"),
    ],
)
def test_keys_that_are_none_are_named(keys, change, reason):
    with pytest.raises(BadKey, match=reason):
        plugin_bridge.connect("tcp://127.0.0.1:1", **(keys.arguments | change))


def test_a_key_file_that_others_may_read_is_refused(keys):
    file = keys.store.path("client")
    file.chmod(0o644)
    with pytest.raises(BadKey, match="mode 0644"):
        plugin_bridge.connect("tcp://127.0.0.1:1", **(keys.arguments | {"client_key": file}))


def test_a_replayed_connection_gets_nowhere(server, keys):
    """Every byte that a client sent, sent again: the handshake's one-time keys differ."""
    with Proxy(server.endpoint) as proxy, Client(proxy.endpoint, **curve(keys)) as client:
        assert isinstance(client.ask(Hello(MAJOR, MINOR, "test")), Welcome)
        assert isinstance(client.ask(Ping(1)), Pong)
        heard = bytes(proxy.to_server)
    before = admitted(server, "200")
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), 5) as replay:
        replay.sendall(heard)
        hang_up = b"".join(iter(lambda: received(replay), b""))
    assert b"READY" not in hang_up
    assert admitted(server, "200") == before == 1
    assert said_hello(server) == 1, "the hello in it was not heard again"


def received(connection):
    """Return some bytes; none once the server has hung up."""
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:
        return b""


def test_a_message_replayed_within_a_connection_ends_it(server, keys):
    """Nonces only grow."""
    with Proxy(server.endpoint) as proxy, Client(proxy.endpoint, **curve(keys)) as client:
        client.ask(Hello(MAJOR, MINOR, "test"))
        start = len(proxy.to_server)
        assert isinstance(client.ask(Ping(1)), Pong)
        again = bytes(proxy.to_server[start:])
        assert proxy.inject(again) > 0
        assert client.ask(Ping(2), 1000) is None


def stems_through(proxy, **arguments):
    """Separate recognisable audio through a proxy; returns what it recorded."""
    audio = np.frombuffer(MARK.ljust(32, b"!") * 256, np.float32).reshape(2, -1)
    with plugin_bridge.connect(proxy.endpoint, profile="live", **arguments) as session:
        list(session.separate(audio))
    return proxy.recorded


def readable(recorded):
    """Return what of ours an eavesdropper can read."""
    return [word for word in (MARK, b"phoenix-stems/", b"hello", b"vocals") if word in recorded]


def test_an_eavesdropper_reads_neither_audio_nor_headers(server, keys):
    with Proxy(server.endpoint) as proxy:
        recorded = stems_through(proxy, **keys.arguments)
    assert len(recorded) > 32 * 256, "the audio did pass"
    assert readable(recorded) == []
    assert keys.client.secret.encode() not in recorded


def test_without_encryption_the_eavesdropper_reads_everything(tmp_path):
    """The control: what the test above looks for is really there to be found."""
    with (
        running_server(tmp_path, endpoint="tcp://127.0.0.1:*") as server,
        Proxy(server.endpoint) as proxy,
    ):
        assert len(readable(stems_through(proxy))) == 4


def wait_until(done, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def test_a_client_that_is_allowed_later_gets_in_without_a_restart(server, keys):
    late = keys.store.create("late")
    arguments = keys.arguments | {"client_key": late.secret}
    with pytest.raises(AccessRefused):
        plugin_bridge.connect(server.endpoint, profile="live", **arguments)
    keys.allowed.allow(late.public, "late")
    wait_until(lambda: knocks(server, arguments))


def knocks(server, arguments):
    try:
        plugin_bridge.connect(server.endpoint, profile="live", timeout_s=5, **arguments).close()
    except AccessRefused:
        return False
    return True


def test_a_revoked_client_is_told_and_put_out_in_mid_stream_and_others_stay(server, keys):
    other = keys.store.create("other")
    keys.allowed.allow(other.public, "other")
    wait_until(lambda: knocks(server, keys.arguments | {"client_key": other.secret}))
    with (
        Client(server.endpoint, **curve(keys)) as bad,
        Client(server.endpoint, **curve(keys, other)) as good,
    ):
        assert isinstance(bad.ask(Hello(MAJOR, MINOR, "bad")), Welcome)
        assert isinstance(good.ask(Hello(MAJOR, MINOR, "good")), Welcome)
        keys.allowed.revoke("client")
        answers = []
        wait_until(lambda: isinstance(answers.append(bad.ask(Ping(1))) or answers[-1], Error))
        assert answers[-1].code == "E303"
        assert isinstance(good.ask(Ping(2)), Pong)
    with pytest.raises(AccessRefused, match="refused this client's key"):
        plugin_bridge.connect(server.endpoint, profile="live", **keys.arguments)


def test_the_servers_key_is_rotated_without_a_restart(server, keys):
    new = keys.store.prepare("server").public
    keys.store.rotate("server")
    wait_until(lambda: knocks(server, keys.arguments | {"server_key": new}))
    with pytest.raises(AccessRefused, match="not its key, or no longer"):
        plugin_bridge.connect(server.endpoint, profile="live", **keys.arguments)


def test_500_half_open_handshakes_do_not_disturb_a_client(server, keys, figure):
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    with Client(server.endpoint, **curve(keys)) as client:
        client.ask(Hello(MAJOR, MINOR, "test"))
        half_open = [socket.create_connection((host, int(port))) for _ in range(500)]
        try:
            for connection in half_open[::2]:
                connection.send(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03")
            answered = sum(client.ask(Ping(n)) == Pong(n) for n in range(50))
            figure("half-open handshakes", held=len(half_open), pings_answered=f"{answered} of 50")
            assert answered == 50
            with Client(server.endpoint, **curve(keys)) as newcomer:
                assert isinstance(newcomer.ask(Hello(MAJOR, MINOR, "new")), Welcome)
        finally:
            for connection in half_open:
                connection.close()
