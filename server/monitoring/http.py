"""Metrics and health over HTTP, on loopback only: ``/metrics``, ``/health`` and ``/ready``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6
from typing import Protocol

from server.errors import EndpointInUseError

_STOP_POLL_S = 0.1
_TEXT = "text/plain; charset=utf-8"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Meters(Protocol):
    """What is counted, as text."""

    def text(self) -> bytes:
        """Return all meters in Prometheus' text format."""
        ...


class HealthEndpoint:
    """An HTTP server on threads of its own.

    ``is_ready`` decides what ``/ready`` says, ``describe`` gives the text of ``/health``.
    """

    def __init__(
        self,
        address: str,
        metrics: Meters,
        is_ready: Callable[[], bool],
        *,
        describe: Callable[[], str] = lambda: "alive",
    ) -> None:
        host, _, port = address.rpartition(":")
        handler = _make_handler(metrics, is_ready, describe)
        server_class = _HttpServer6 if host.startswith("[") else _HttpServer
        try:
            self._server = server_class((host.strip("[]"), int(port)), handler)
        except OSError as error:
            raise EndpointInUseError(f"metrics address {address}: {error.strerror}") from error
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_POLL_S,), name="http", daemon=True
        )

    def start(self) -> None:
        """Answer requests until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True


class _HttpServer6(_HttpServer):
    address_family = AF_INET6


def _make_handler(
    metrics: Meters, is_ready: Callable[[], bool], describe: Callable[[], str]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds; a silent client must not hold a thread

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, metrics.text(), _PROMETHEUS)
            elif self.path == "/health":
                self._answer(HTTPStatus.OK, f"{describe()}\n".encode(), _TEXT)
            elif self.path == "/ready" and is_ready():
                self._answer(HTTPStatus.OK, b"ready\n", _TEXT)
            elif self.path == "/ready":
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n", _TEXT)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"/metrics, /health or /ready\n", _TEXT)

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent: a scrape every few seconds is no news."""

    return Handler
