"""Between local clients and a server on another machine, with a server here to fall back on.

``Relay`` answers clients, one ``RelayedStream`` per stream talks to up to two ``Upstream`` servers,
``Punctuality`` tells whether a server's stems still come in time, and ``Keyring`` knows the keys
that the server may have. Nothing here owns a socket that listens, a thread or a clock:
``phoenix-stems relay`` does.
"""

from plugin_bridge.relay.keyring import Keyring
from plugin_bridge.relay.punctuality import Punctuality
from plugin_bridge.relay.relay import Relay
from plugin_bridge.relay.stream import RelayedStream
from plugin_bridge.relay.upstream import Upstream

__all__ = ["Keyring", "Punctuality", "Relay", "RelayedStream", "Upstream"]
