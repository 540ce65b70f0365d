"""The client side of phoenix-stems; needs numpy, pyzmq and the protocol, never torch.

``connect`` opens a lossless stream for scripts, ``connect_async`` the same for asyncio,
``connect_live`` a real-time stream whose ``process`` never waits, ``connect_offline_live`` its twin
for rendering. Without an endpoint each starts, watches and stops a server of its own
(``EmbeddedServer``).

What is named here is imported when it is first asked for (PEP 562): numpy and pyzmq take a fifth of
a second, which a program that only might separate should not wait for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin_bridge.connecting import (
        connect,
        connect_async,
        connect_live,
        connect_offline_live,
    )
    from plugin_bridge.embedded import EmbeddedServer
    from plugin_bridge.errors import (
        AccessRefused,
        BadAudio,
        BadKey,
        BridgeError,
        EmbeddedServerFailed,
        RedirectLoop,
        SeparationFailed,
        ServerLost,
        ServerUnreachable,
        SessionClosed,
    )
    from plugin_bridge.latency import LatencyBudget
    from plugin_bridge.live import LiveSession
    from plugin_bridge.live_statistics import LiveStatistics
    from plugin_bridge.offline_live import OfflineLiveSession
    from plugin_bridge.session import Session, SessionStatistics
    from plugin_bridge.stem_block import StemBlock, join

__all__ = [
    "AccessRefused",
    "BadAudio",
    "BadKey",
    "BridgeError",
    "EmbeddedServer",
    "EmbeddedServerFailed",
    "LatencyBudget",
    "LiveSession",
    "LiveStatistics",
    "OfflineLiveSession",
    "RedirectLoop",
    "SeparationFailed",
    "ServerLost",
    "ServerUnreachable",
    "Session",
    "SessionClosed",
    "SessionStatistics",
    "StemBlock",
    "connect",
    "connect_async",
    "connect_live",
    "connect_offline_live",
    "join",
]

_MODULES = {
    "connecting": (
        "connect",
        "connect_async",
        "connect_live",
        "connect_offline_live",
    ),
    "embedded": ("EmbeddedServer",),
    "errors": (
        "AccessRefused",
        "BadAudio",
        "BadKey",
        "BridgeError",
        "EmbeddedServerFailed",
        "RedirectLoop",
        "SeparationFailed",
        "ServerLost",
        "ServerUnreachable",
        "SessionClosed",
    ),
    "latency": ("LatencyBudget",),
    "live": ("LiveSession",),
    "live_statistics": ("LiveStatistics",),
    "offline_live": ("OfflineLiveSession",),
    "session": (
        "Session",
        "SessionStatistics",
    ),
    "stem_block": (
        "StemBlock",
        "join",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name's module; raises AttributeError for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
