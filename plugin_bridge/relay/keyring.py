"""The keys that the server on the other machine may have: its present one, and the next or last.

While a server's key is being rotated, nobody here knows which one it has. Each attempt to connect
takes the next key, beginning with the one that was taken last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from plugin_bridge.access import Access
from plugin_bridge.connection import Connection
from plugin_bridge.live_link import Dial
from protocol import Message


class Keyring:
    """Shared by all connections to one server."""

    def __init__(self, accesses: Sequence[Access | None]) -> None:
        """Hold one or more, the likeliest first; None for a server without encryption."""
        self.accesses = list(accesses)

    def dialer(self) -> Dial:
        """Return what connects one stream, each stream having an order of its own to try."""
        return _Dialer(self)

    def prefer(self, access: Access | None) -> None:
        """Begin with this one from now on: the server has taken it."""
        if access != self.accesses[0]:
            self.accesses.remove(access)
            self.accesses.insert(0, access)


class _Dialer:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._failures = 0

    def __call__(self, endpoint: str) -> Connection:
        accesses = self._keyring.accesses
        access = accesses[self._failures % len(accesses)]
        self._failures += 1
        return _Keyed(endpoint, access, partial(self._taken, access))

    def _taken(self, access: Access | None) -> None:
        self._failures = 0
        self._keyring.prefer(access)


class _Keyed(Connection):
    """Tells when the server has let it in: only then a message can be sent at all."""

    def __init__(self, endpoint: str, access: Access | None, taken: Callable[[], None]) -> None:
        super().__init__(endpoint, access)
        self._taken = taken

    def try_send(self, message: Message) -> bool:
        is_sent = super().try_send(message)
        if is_sent:
            self._taken()
        return is_sent
