"""The server listens where only its user or its machine can come, and says so."""

import os
import socket
import stat

import pytest

from server.errors import EndpointInUseError, EndpointRefusedError
from server.security.listening import (
    check_endpoint,
    default_endpoint,
    is_loopback,
    is_private,
    prepare_endpoint,
)


@pytest.mark.parametrize(
    "endpoint",
    [
        "ipc:///run/user/1/stems/server.sock",
        "tcp://127.0.0.1:5555",
        "tcp://127.8.9.10:1",
        "tcp://127.0.0.1:*",
        "tcp://[::1]:65535",
    ],
)
def test_private_endpoints_are_allowed(endpoint):
    check_endpoint(endpoint)
    assert is_private(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://*:5555",
        "tcp://0.0.0.0:5555",
        "tcp://192.168.1.2:5555",
        "tcp://[::]:5555",
        "tcp://[::ffff:10.0.0.1]:5555",
        "tcp://[2001:db8::1]:5555",
    ],
)
def test_what_other_machines_can_reach_is_prepared_for_encryption_only(endpoint):
    check_endpoint(endpoint)
    assert not is_private(endpoint)
    with pytest.raises(EndpointRefusedError, match="no loopback address; allowed"):
        prepare_endpoint(endpoint)
    prepare_endpoint(endpoint, is_encrypted=True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "server.sock",
        "inproc://stems",
        "pgm://eth0;239.192.1.1:5555",
        "ws://127.0.0.1:80",
        "ipc://relative/server.sock",
        "ipc:///tmp/",
        "ipc://@abstract",
        "tcp://localhost:5555",
        "tcp://eth0:5555",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:5555;tcp://0.0.0.0:5556",
    ],
)
def test_everything_else_is_refused(endpoint):
    with pytest.raises(EndpointRefusedError, match=r"allowed|needed"):
        check_endpoint(endpoint)


def test_ipc_path_length_is_bounded_by_what_a_socket_can_have():
    check_endpoint("ipc:///" + "x" * 106)
    with pytest.raises(EndpointRefusedError, match="108 bytes, at most 107"):
        check_endpoint("ipc:///" + "x" * 107)


def test_directory_is_created_private(tmp_path):
    os.umask(old := os.umask(0))
    assert old is not None
    prepare_endpoint(f"ipc://{tmp_path}/a/b/server.sock")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_an_open_directory_is_refused(tmp_path, mode):
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(EndpointRefusedError, match=f"mode {mode:04o}: 0700 needed"):
        prepare_endpoint(f"ipc://{directory}/server.sock")


def test_a_linked_directory_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(EndpointRefusedError, match="not a directory"):
        prepare_endpoint(f"ipc://{tmp_path}/link/server.sock")


def test_a_foreign_directory_is_refused(tmp_path, monkeypatch):
    directory = tmp_path / "foreign"
    directory.mkdir(mode=0o700)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(EndpointRefusedError, match="another user"):
        prepare_endpoint(f"ipc://{directory}/server.sock")


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EndpointRefusedError, match="file"):
        prepare_endpoint(f"ipc://{tmp_path}/file/sub/server.sock")


def private(tmp_path):
    directory = tmp_path / "private"
    directory.mkdir(mode=0o700)
    return directory / "server.sock"


def test_a_dead_socket_is_removed(tmp_path):
    path = private(tmp_path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    prepare_endpoint(f"ipc://{path}")
    assert not path.exists()


def test_a_live_socket_is_left_alone(tmp_path):
    path = private(tmp_path)
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen()
        with pytest.raises(EndpointInUseError, match="in use"):
            prepare_endpoint(f"ipc://{path}")
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = private(tmp_path)
    path.write_text("precious")
    with pytest.raises(EndpointRefusedError, match="not a socket"):
        prepare_endpoint(f"ipc://{path}")
    assert path.read_text() == "precious"


def test_the_default_follows_the_session(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_endpoint() == f"ipc://{tmp_path}/phoenix-stems/server.sock"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert f"phoenix-stems-{os.getuid()}/server.sock" in default_endpoint()


def test_names_are_never_loopback():
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("localhost")
