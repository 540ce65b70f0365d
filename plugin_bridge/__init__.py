"""The client side of phoenix-stems; needs numpy, pyzmq and the protocol, never torch.

``connect`` opens a lossless stream for scripts, ``connect_async`` the same for asyncio,
``connect_live`` a real-time stream whose ``process`` never waits, ``connect_offline_live`` its twin
for rendering. Without an endpoint each starts, watches and stops a server of its own
(``EmbeddedServer``).
"""

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
