"""Handshakes that stop in the middle: hundreds at once, and a client that plays goes on."""

import resource
import socket
import time

import psutil
import pytest
from hostile_target import WellBehaved, check_well_behaved, describe
from secure_server import Keys, secure_server

HALF_OPEN = 500
DROP_TIMEOUT_S = 20
# A greeting of ZMTP 3.1 for CURVE (ZeroMQ RFC 37, 25), and a HELLO without meaning.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
HELLO = b"\x04\xc8" + b"\x05HELLO\x01\x00" + bytes(192)
STOPS = {
    "before the first byte": b"",
    "in the signature": GREETING[:5],
    "in the greeting": GREETING[:40],
    "after the greeting": GREETING,
    "in HELLO's length": GREETING + HELLO[:1],
    "in HELLO": GREETING + HELLO[:100],
}


@pytest.fixture
def server(tmp_path):
    keys = Keys(tmp_path / "keys")
    with secure_server(tmp_path / "run", keys) as server:
        server.keys = keys
        yield server


@pytest.fixture
def good(server):
    client = WellBehaved(server.endpoint, keys=server.keys.arguments)
    yield client
    client.kill()


@pytest.fixture(autouse=True)
def room_for_descriptors():
    """Room for both ends of every connection: the usual soft limit is 1024, and libzmq aborts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def half_open(address):
    """Return connections that have stopped at each place in turn."""
    connections = [socket.create_connection(address) for _ in range(HALF_OPEN)]
    for index, connection in enumerate(connections):
        connection.sendall(list(STOPS.values())[index % len(STOPS)])
    return connections


def descriptors():
    return psutil.Process().num_fds()


def wait_until_hung_up(connections):
    """Return in how many seconds the server has dropped them all."""
    started = time.monotonic()
    for connection in connections:
        connection.settimeout(DROP_TIMEOUT_S)
        try:
            while connection.recv(1 << 12):
                pass
        except ConnectionResetError:
            pass
    return time.monotonic() - started


def test_500_half_open_handshakes_are_dropped_and_a_good_client_is_unaffected(server, good, capsys):
    host, _, port = server.endpoint.removeprefix("tcp://").partition(":")
    before = descriptors()
    connections = half_open((host, int(port)))
    during = descriptors()
    seconds = wait_until_hung_up(connections)
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + DROP_TIMEOUT_S
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    after, counted = descriptors(), good.finish()
    with capsys.disabled():
        print(f"\n{HALF_OPEN} half-open handshakes dropped within {seconds:.1f} s", end="; ")
        print(f"descriptors before {before}, during {during}, after {after}")
        print(describe(counted))
    assert during > before + HALF_OPEN, "both ends are in this process"
    assert after <= before
    check_well_behaved(counted)
