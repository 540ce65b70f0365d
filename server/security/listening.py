"""Where the server may listen, and what each place needs.

Private are ``ipc`` sockets in a directory of ours that nobody else may enter, and TCP on a loopback
address. Everything else needs CURVE and a list of allowed keys (``server.security.gate``), and is
refused at start without.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
import tempfile
from pathlib import Path

from server.errors import EndpointInUseError, EndpointRefusedError, NotPrivateError
from server.security.private_files import make_private_directory

ALLOWED = (
    "allowed are ipc:///DIRECTORY/NAME in a private directory of yours, and TCP on a loopback "
    "address such as tcp://127.0.0.1:5555 (port * picks a free one) or tcp://[::1]:5555; with keys "
    "(see docs/security.md) any numeric address of this machine, or tcp://*:5555 for all"
)
_MAX_IPC_PATH_BYTES = 107  # sun_path of unix(7), less its terminating zero
_TCP = re.compile(r"tcp://(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^\[\]:]*)):(?P<port>\*|\d{1,5})")


def default_endpoint() -> str:
    """Return this user's socket: in the session's runtime directory, else below /tmp."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    directory = (
        Path(runtime) / "phoenix-stems"
        if runtime
        else Path(tempfile.gettempdir()) / f"phoenix-stems-{os.getuid()}"
    )
    return f"ipc://{directory / 'server.sock'}"


def check_endpoint(endpoint: str) -> None:
    """Raise ``EndpointRefusedError`` unless the endpoint has a form that can be listened on."""
    if endpoint.startswith("ipc://"):
        _check_ipc_path(endpoint)
    elif endpoint.startswith("tcp://"):
        _parse_tcp(endpoint)
    else:
        raise EndpointRefusedError(f"endpoint {endpoint!r}: {ALLOWED}")


def is_private(endpoint: str) -> bool:
    """Whether only this user, or only this machine, can reach the endpoint."""
    return endpoint.startswith("ipc://") or is_loopback(_parse_tcp(endpoint))


def prepare_endpoint(endpoint: str, *, is_encrypted: bool = False) -> None:
    """Make the endpoint ready to bind: a private directory, no dead socket left in it.

    Raises ``EndpointRefusedError`` or, where a live server answers, ``EndpointInUseError``.
    """
    check_endpoint(endpoint)
    if not is_encrypted and not is_private(endpoint):
        raise EndpointRefusedError(f"endpoint {endpoint!r} is no loopback address; {ALLOWED}")
    if endpoint.startswith("ipc://"):
        path = Path(endpoint.removeprefix("ipc://"))
        try:
            make_private_directory(path.parent)
        except NotPrivateError as error:
            raise EndpointRefusedError(str(error)) from error
        _remove_dead_socket(path)


def remove_endpoint(endpoint: str) -> None:
    """Remove what an endpoint that is no longer bound has left behind; libzmq does not always."""
    if endpoint.startswith("ipc://"):
        Path(endpoint.removeprefix("ipc://")).unlink(missing_ok=True)


def _check_ipc_path(endpoint: str) -> None:
    path = endpoint.removeprefix("ipc://")
    if not path.startswith("/") or path.endswith("/"):
        raise EndpointRefusedError(f"endpoint {endpoint!r}: an absolute path is needed; {ALLOWED}")
    length = len(os.fsencode(path))
    if length > _MAX_IPC_PATH_BYTES:
        raise EndpointRefusedError(
            f"endpoint {endpoint!r}: path of {length} bytes, at most {_MAX_IPC_PATH_BYTES} allowed"
        )


def _parse_tcp(endpoint: str) -> str:
    """Return the host: a numeric address, or * for all of this machine's."""
    match = _TCP.fullmatch(endpoint)
    if match is None:
        raise EndpointRefusedError(f"endpoint {endpoint!r}: {ALLOWED}")
    host = match["v6"] if match["v6"] is not None else match["v4"]
    if not _is_address(host):
        raise EndpointRefusedError(f"endpoint {endpoint!r}: {host!r} is no address; {ALLOWED}")
    if match["port"] != "*" and not 0 < int(match["port"]) <= 65535:
        raise EndpointRefusedError(f"endpoint {endpoint!r}: ports 1 to 65535 or * allowed")
    return host


def _is_address(host: str) -> bool:
    """Whether the host is numeric, or *; what a name stands for can change."""
    try:
        return host == "*" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether the host is a numeric loopback address; names could resolve to anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _remove_dead_socket(path: Path) -> None:
    """Unlink a socket that nobody listens on; libzmq would steal a live one without a word."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise EndpointRefusedError(
            f"{path} exists and is not a socket; remove it or choose another"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise EndpointInUseError(f"{path}: {error.strerror}") from error
    raise EndpointInUseError(
        f"{path} is in use: another server listens there; stop it or use --bind"
    )
