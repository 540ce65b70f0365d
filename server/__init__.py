"""The inference server: peers and streams in, stems out, each by its deadline.

``server.Server`` composes the parts: ``transport`` owns the socket on one thread, ``sessions``
knows peers and streams, ``engine`` runs the pipelines of ``dsp`` on one thread per lane, and
``config`` is the one place that settings come from. ``server.commands`` is the command line.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.config import ServerConfig
    from server.server import Server

__all__ = ["Server", "ServerConfig"]

_HOMES = {"Server": "server.server", "ServerConfig": "server.config"}


def __getattr__(name: str) -> object:
    """Import on first use: the command line's ``--help`` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
