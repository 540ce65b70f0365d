"""The allow-list: which clients' public keys may connect, one a line, as in ``authorized_keys``.

    wJ0k...40 characters of Z85...   studio laptop

Empty lines and lines that begin with ``;`` are skipped (Z85 uses ``#``, but never ``;``).
"""

from __future__ import annotations

from pathlib import Path

from server.errors import KeysError
from server.security.keys import is_key
from server.security.private_files import make_private_directory, read_private, write_private

FILE_NAME = "allowed_clients"
_MAXIMUM_NAME_CHARACTERS = 64


class AllowList:
    """The file of one directory, read and written whole."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME

    def read(self) -> dict[str, str]:
        """Return the clients' names by public key; empty when there is no file.

        Raises ``KeysError`` naming the line that is none, or ``NotPrivateError``.
        """
        try:
            text = read_private(self.path)
        except FileNotFoundError:
            return {}
        clients: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith(";"):
                key, name = self._parsed(line, number)
                clients[key] = name
        return clients

    def allow(self, key: str, name: str) -> None:
        """Add a key, or give one that is there another name."""
        if not is_key(key):
            raise KeysError(f"key {key!r}: a public key of 40 characters of Z85 expected")
        if not name.strip() or len(name) > _MAXIMUM_NAME_CHARACTERS or not name.isprintable():
            raise KeysError(
                f"name {name!r}: 1 to {_MAXIMUM_NAME_CHARACTERS} printable characters allowed"
            )
        clients = self.read()
        if name.strip() in {other for known, other in clients.items() if known != key}:
            raise KeysError(f"name {name!r} is another key's; revoke that one or choose another")
        self._write(clients | {key: name.strip()})

    def revoke(self, key_or_name: str) -> str:
        """Remove a client by key or name; returns its key."""
        clients = self.read()
        for key, name in clients.items():
            if key_or_name in {key, name}:
                self._write({other: clients[other] for other in clients if other != key})
                return key
        raise KeysError(f"{key_or_name!r} is not on the list {self.path}; nothing was revoked")

    def _parsed(self, line: str, number: int) -> tuple[str, str]:
        key, _, name = line.strip().partition(" ")
        if not is_key(key):
            raise KeysError(
                f"{self.path}, line {number}: a public key of 40 characters and a name expected"
            )
        return key, name.strip()

    def _write(self, clients: dict[str, str]) -> None:
        make_private_directory(self.path.parent)
        write_private(self.path, "".join(f"{key} {name}\n" for key, name in clients.items()))
