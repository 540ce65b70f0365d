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
        self.accesses = tuple(accesses)
        self.preferred = self.accesses[0]  # the one that was taken last

    def dialer(self) -> Dial:
        """Return what connects one stream, each stream having its own turn."""
        return _Dialer(self)

    def after(self, access: Access | None) -> Access | None:
        """Return the one to try when this one was not taken."""
        return self.accesses[(self.accesses.index(access) + 1) % len(self.accesses)]


class _Dialer:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._failed: Access | None = None
        self._has_failed = False

    def __call__(self, endpoint: str) -> Connection:
        keyring = self._keyring
        access = keyring.after(self._failed) if self._has_failed else keyring.preferred
        self._failed, self._has_failed = access, True  # until it is taken
        return _Keyed(endpoint, access, partial(self._taken, access))

    def _taken(self, access: Access | None) -> None:
        self._has_failed = False
        self._keyring.preferred = access


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
