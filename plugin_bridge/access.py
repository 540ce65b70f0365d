"""Servers on other machines: the keys that a connection needs, and why one was refused.

Such servers speak CURVE only. The client must know the server's public key beforehand, so nobody
can pose as the server, and its own public key must be on the server's list.
"""

from __future__ import annotations

import os
import secrets
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zmq

from plugin_bridge.errors import BadKey

_AUTH = int(zmq.Event.HANDSHAKE_FAILED_AUTH)
_PROTOCOL = int(zmq.Event.HANDSHAKE_FAILED_PROTOCOL)
_NO_DETAIL = int(zmq.Event.HANDSHAKE_FAILED_NO_DETAIL)
_EVENT: Final = struct.Struct("=Hi")  # zmq_socket_monitor(3); pyzmq's own parser brings asyncio in
_NO_DETAIL_PATIENCE: Final = 3  # a server that is just ending looks the same, once
_READABLE_BY_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Access:
    """The keys of one connection, as 40 characters of Z85 each."""

    server_key: str  # public
    client_key: str = field(repr=False)  # secret

    def apply(self, socket: zmq.Socket[Any]) -> None:
        """Set a socket up that is not connected yet."""
        socket.setsockopt_string(zmq.CURVE_SERVERKEY, self.server_key)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, zmq.curve_public(self.client_key.encode()))
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, self.client_key)


def make_access(server_key: str | None, client_key: str | Path | None) -> Access | None:
    """Return the keys to connect with; None, where none are given, for servers of this machine.

    ``client_key``: the secret key, or the private file that holds it. Raises BadKey.
    """
    if server_key is None and client_key is None:
        return None
    if server_key is None or client_key is None:
        raise BadKey("server_key and client_key belong together: one was given, the other not")
    secret = _read_private(client_key) if isinstance(client_key, Path) else client_key
    for name, key in (("server_key", server_key), ("client_key", secret)):
        if not _is_key(key):
            raise BadKey(f"{name}: 40 characters of Z85 expected, as `phoenix-stems keys` makes it")
    return Access(server_key, secret)


class HandshakeWatch:
    """Hears from libzmq why a connection does not come about."""

    def __init__(self, socket: zmq.Socket[Any]) -> None:
        """Watch a socket that is not connected yet, from its own thread."""
        address = f"inproc://handshake-{secrets.token_hex(8)}"
        self._socket = socket
        socket.monitor(address, _AUTH | _PROTOCOL | _NO_DETAIL)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(socket.context.underlying)
        self._events: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._events.linger = 0
        self._events.connect(address)

    def failure(self) -> tuple[int, int] | None:
        """Return the event and value of a handshake that has failed, if one has."""
        try:
            frames = self._events.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return None
        event, value = _EVENT.unpack(frames[0])
        return event, value

    def close(self) -> None:
        """Stop watching; before the socket is closed."""
        self._socket.disable_monitor()
        self._events.close(linger=0)


class Refusals:
    """Tells, from one attempt to the next, when a refusal is certain."""

    def __init__(self, endpoint: str, access: Access | None) -> None:
        self._endpoint = endpoint
        self._access = access
        self._without_detail = 0

    def reason(self, failure: tuple[int, int] | None) -> str | None:
        """Return why the server refuses us, once that is sure."""
        if failure is None:
            return None
        event, value = failure
        self._without_detail += event == _NO_DETAIL
        if event == _NO_DETAIL and self._without_detail < _NO_DETAIL_PATIENCE:
            return None
        return f"{self._endpoint}: {_explain(event, value, self._access)}"


def needs_watch(endpoint: str) -> bool:
    """Whether the server could refuse the handshake; one behind a private Unix socket does not."""
    return endpoint.startswith("tcp://")


def _explain(event: int, value: int, access: Access | None) -> str:
    if event == _AUTH:
        return (
            f"the server refused this client's key (status {value}); have it allowed there with "
            "`phoenix-stems keys allow PUBLIC_KEY NAME`"
        )
    if access is None:
        return "the server takes encrypted connections only; give server_key and client_key"
    if event == _PROTOCOL:
        return "the server does not speak CURVE; connect without keys, if it is on this machine"
    return (
        "the server ended the handshake: server_key is not its key, or no longer, or it does not "
        "speak CURVE"
    )


def _is_key(text: str) -> bool:
    try:
        return len(text) == 40 and bool(zmq.curve_public(text.encode()))
    except (zmq.ZMQError, ValueError):
        return False


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise BadKey(f"client_key {path}: {error.strerror}") from error
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _READABLE_BY_OTHERS:
            raise BadKey(
                f"client_key {path} has mode {mode:04o}: others may have read it; make a new key, "
                "or chmod 600 it if you know that nobody did"
            )
        return file.read(4096).strip()
