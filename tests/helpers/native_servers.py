"""Servers for the native core: the bridge's fake one, on a socket, with its answers twisted."""

import contextlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit" / "bridge"))

from fake_server import WELCOME, SocketServer

__all__ = ["WELCOME", "SocketServer", "fake", "opened", "twist"]


@contextlib.contextmanager
def fake(path, monkeypatch):
    """Serve the fake model at ``path``, where plugins will look for it."""
    with SocketServer(f"ipc://{path}") as served:
        monkeypatch.setenv("PHOENIX_STEMS_ENDPOINT", served.endpoint)
        yield served.server


def twist(server, change):
    """Let every answer go through ``change``, which returns what is sent instead."""
    answer = server.handle
    server.handle = lambda message: [new for old in answer(message) for new in change(old)]


def opened(server):
    """Return the requests to open a stream that the server has had."""
    return [message for message in server.log if message.kind == "open"]
