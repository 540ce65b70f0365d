"""``phoenix-stems relay``: local plugins use a server on another machine, or one here."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.access import Access, make_access
from plugin_bridge.connection import Connection, dial
from plugin_bridge.embedded import EmbeddedServer
from plugin_bridge.errors import AccessRefused, ServerUnreachable
from plugin_bridge.handshake import CLIENT
from plugin_bridge.relay import Keyring, Relay, RelayedStream, Upstream
from plugin_bridge.relay.stream import as_stream_request
from protocol import MAJOR, MINOR, Hello, Limits, Message, Open, Stems, Welcome, encode
from server.config import LogConfig, QueuesConfig
from server.monitoring.log import make_logger
from server.security.keys import CLIENT as CLIENT_KEY
from server.security.keys import default_keys_directory
from server.security.listening import default_endpoint
from server.transport.mailbox import Mailbox
from server.transport.outbound import Outbound, Outgoing
from server.transport.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DESCRIPTION = """\
Listens where `serve` would, so that plugins find it. What they send goes to the server at --to,
over CURVE. While that is late or gone, a server on this machine is heard. Prints one line of JSON
when it is ready.
"""
_FIND_TIMEOUT_S = 5.0
_STEP_S = 0.1  # what time alone brings is noticed so late while no client and no server speaks
_LIVE_STEMS_SECONDS = 2  # that may wait for a client that does not read


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "relay",
        help="let local plugins use a server on another machine",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", required=True, metavar="ENDPOINT", help="tcp://HOST:PORT")
    parser.add_argument(
        "--server-key",
        required=True,
        action="append",
        dest="server_keys",
        metavar="KEY",
        help="that server's public key; while it is rotated give both, one --server-key each",
    )
    parser.add_argument(
        "--client-key",
        type=Path,
        default=default_keys_directory() / f"{CLIENT_KEY}.key",
        metavar="FILE",
        help="our secret key [%(default)s]",
    )
    parser.add_argument(
        "--bind", default=default_endpoint(), metavar="ENDPOINT", help="[%(default)s]"
    )
    local = parser.add_mutually_exclusive_group()
    local.add_argument("--local", metavar="ENDPOINT", help="server to fall back on [start one]")
    local.add_argument("--no-local", action="store_true", help="fall back on dry audio only")
    parser.add_argument("--model", default="", help="model of the server that is started")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Relay until SIGTERM or SIGINT; returns the exit code."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    accesses = [make_access(key, arguments.client_key) for key in arguments.server_keys]
    with ExitStack() as stack:
        local = arguments.local
        if local is None and not arguments.no_local:
            local = stack.enter_context(EmbeddedServer(model=arguments.model)).endpoint
        relay = RelayProcess(arguments.to, accesses, local, arguments.bind)
        stack.callback(relay.stop)
        relay.start()
        line = {"ready": True, "endpoint": relay.endpoint, "pid": os.getpid()}
        print(json.dumps(line), flush=True)
        stopping.wait()
    return 0


class RelayProcess:
    """A relay with its socket and thread.

    Raises ServerUnreachable when neither server answers, AccessRefused, or ``StartError`` where it
    cannot listen.
    """

    def __init__(
        self, to: str, accesses: Sequence[Access | None], local: str | None, bind: str
    ) -> None:
        """Take one of ``accesses`` for each key the server at ``to`` may have, likeliest first."""
        self._to, self._local = to, local
        self._keyring = Keyring(accesses)
        self._log = make_logger(LogConfig())
        welcome = find_welcome(to, self._keyring, local)
        self._limits = Limits()
        self._mailbox = Mailbox()
        self._transport = Transport(bind, QueuesConfig(), self._limits, self._mailbox, self._log)
        self._outbound = Outbound(self._transport.offer)
        self.relay = Relay(
            welcome,
            self._make_stream,
            reply=self._reply,
            limits=self._limits,
            clock=time.monotonic,
        )

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return self._transport.endpoint

    def start(self) -> None:
        """Answer clients until ``stop``."""
        self._transport.start(
            self.relay.receive,
            self._retry,
            self.relay.expire,
            interval_s=_STEP_S,
            awaited=self.relay.awaited,
        )

    def stop(self) -> None:
        """Tell the clients, and end."""
        self._mailbox.post(self.relay.shut_down)
        self._transport.stop(timeout_s=1.0)
        self._mailbox.close()

    def _retry(self) -> bool:
        self.relay.tick()
        for identity in self._outbound.retry():
            self.relay.forget(identity)
        return self._outbound.has_waiting

    def _reply(self, identity: bytes, message: Message, request: Open | None) -> bool:
        return self._outbound.send(identity, as_outgoing(message, request))

    def _make_stream(self, request: Open, answer: Callable[[Message], None]) -> RelayedStream:
        wanted, clock = as_stream_request(request), time.monotonic
        remote = Upstream("remote", self._to, wanted, dial=self._keyring.dialer(), clock=clock)
        local = None
        if self._local is not None:
            local = Upstream("local", self._local, wanted, dial=Connection, clock=clock)
        return RelayedStream(request, remote, local, answer=answer, clock=clock)


def as_outgoing(message: Message, request: Open | None) -> Outgoing:
    """Return a message as it waits for a slow client: only a live stream's stems may be dropped."""
    if not isinstance(message, Stems) or request is None or request.freewheel:
        return Outgoing(encode(message))
    capacity_frames = _LIVE_STEMS_SECONDS * request.rate_hz
    return Outgoing(encode(message), message.stream, message.samples.shape[2], capacity_frames)


def find_welcome(to: str, keyring: Keyring, local: str | None) -> Welcome:
    """Return what clients are greeted with: the remote server's welcome, else the local one's.

    Raises AccessRefused where the remote server takes none of the keys, ServerUnreachable.
    """
    try:
        return _ask_with_any(to, keyring)
    except ServerUnreachable:
        if local is None:
            raise
    return _ask(local, None)


def _ask_with_any(endpoint: str, keyring: Keyring) -> Welcome:
    *others, last = keyring.accesses
    for access in others:
        try:
            return _ask(endpoint, access)
        except AccessRefused:
            continue  # the next key may be the one
    return _ask(endpoint, last)


def _ask(endpoint: str, access: Access | None) -> Welcome:
    deadline = time.monotonic() + _FIND_TIMEOUT_S
    with dial(endpoint, deadline, access) as connection:
        connection.send(Hello(MAJOR, MINOR, CLIENT), _FIND_TIMEOUT_S)
        welcome = connection.receive(_FIND_TIMEOUT_S)
        if not isinstance(welcome, Welcome):
            raise ServerUnreachable(f"{endpoint}: no welcome, but {welcome}")
        return welcome
