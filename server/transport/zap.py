"""The answers to libzmq's question "may this peer in?": ZAP, ZeroMQ RFC 27.

libzmq holds every handshake until the handler at ``inproc://zeromq.zap.01`` has answered; CURVE
without one would admit every key. A refused client is told by status 400, which ends its handshake
with ``HANDSHAKE_FAILED_AUTH``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import zmq
from zmq.utils import z85

from server.security.gate import Gate

if TYPE_CHECKING:
    from server.monitoring.log import Logger
    from server.monitoring.metrics import Metrics

DOMAIN: Final = b"phoenix-stems"
USER_ID: Final = "User-Id"  # message metadata: the client's public key, as the handler says
_ADDRESS: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_REQUEST_FRAMES: Final = 7  # version, id, domain, address, identity, mechanism, one credential


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one handshake."""

    status: bytes
    text: bytes
    user_id: bytes = b""
    name: str = ""


class ZapHandler:
    """Answers handshakes by what a ``Gate`` allows; lives on the thread that polls ``socket``."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        gate: Gate,
        log: Logger,
        metrics: Metrics | None = None,
    ) -> None:
        self._gate = gate
        self._log = log
        self._metrics = metrics
        self.socket = context.socket(zmq.REP)
        self.socket.bind(_ADDRESS)

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Have a socket that is not bound yet ask for CURVE, and for this handler's consent."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        self.set_key(socket)
        socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # without a handler nobody gets in

    def set_key(self, socket: zmq.Socket[bytes]) -> None:
        """Give a socket the server's key; it counts for what is bound from now on."""
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, self._gate.pair.secret)

    def keep_house(self) -> bool:
        """Take in changed keys and lists, and say so; whether the server's own key is new."""
        changes = self._gate.reload()
        for problem in changes.problems:
            self._log.error("keys not reloaded", reason=problem)
        if changes.admitted or changes.revoked:
            self._log.info("allow-list", admitted=changes.admitted, revoked=changes.revoked)
        return changes.is_key_new

    def is_allowed(self, user_id: str) -> bool:
        """Whether the client that was admitted under this id still is."""
        return self._gate.name_of(user_id) is not None

    def answer_all(self) -> None:
        """Answer every handshake that waits."""
        while True:
            try:
                request = self.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            self.socket.send_multipart(self._reply(request))

    def _reply(self, request: list[bytes]) -> list[bytes]:
        verdict = judge(self._gate, request)
        if self._metrics is not None:
            self._metrics.handshakes.labels(status=verdict.status.decode()).inc()
        self._log.info(
            "handshake",
            status=verdict.status.decode(),
            client=verdict.name,
            reason=verdict.text.decode(),
        )
        request_id = request[1] if len(request) > 1 else b""
        return [_VERSION, request_id, verdict.status, verdict.text, verdict.user_id, b""]


def judge(gate: Gate, request: list[bytes]) -> Verdict:
    """Return the verdict on one ZAP request; whatever is not exactly right is refused."""
    if len(request) != _REQUEST_FRAMES or request[0] != _VERSION:
        return Verdict(b"500", b"not a ZAP 1.0 request for CURVE")
    _, _, domain, _, _, mechanism, credential = request
    if domain != DOMAIN or mechanism != b"CURVE" or len(credential) != 32:
        return Verdict(b"400", b"CURVE needed")
    key = z85.encode(credential)
    name = gate.name_of(key.decode())
    if name is None:
        return Verdict(b"400", b"key not on the allow-list")
    return Verdict(b"200", b"OK", key, name)
