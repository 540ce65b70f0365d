"""Who may connect from elsewhere: the server's key pair and the list of allowed clients.

Both are files and may change while the server runs: ``reload`` takes in what has changed. What
cannot be read, or is malformed, changes nothing and is told, so that a slip of the hand neither
lets anybody in nor throws anybody out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.errors import KeysError, StartError
from server.security.allowed_keys import AllowList
from server.security.keys import SERVER, KeyPair, KeyStore

_Stamp = tuple[int, int, int]  # what changes when a file is replaced or written


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload brought."""

    is_key_new: bool = False
    admitted: tuple[str, ...] = ()  # names of clients that were not on the list before
    revoked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Gate:
    """The keys of one server.

    Raises ``KeysError`` where there is no key pair or nobody is allowed: a server that would admit
    every key, or none, is refused at start. ``NotPrivateError`` where others could read the files.
    """

    def __init__(self, directory: Path) -> None:
        self._store = KeyStore(directory)
        self._list = AllowList(directory)
        self._key_stamp = _stamp(self._store.path(SERVER))
        self._list_stamp = _stamp(self._list.path)
        self.pair: KeyPair = self._store.load(SERVER)
        self._clients = self._list.read()
        if not self._clients:
            raise KeysError(
                f"no client is allowed in {self._list.path}; name one with `phoenix-stems keys "
                "allow PUBLIC_KEY NAME`, or nobody could connect"
            )

    def name_of(self, public_key: str) -> str | None:
        """Return the name of an allowed client, None for everybody else."""
        return self._clients.get(public_key)

    def reload(self) -> Reloaded:
        """Take in what has changed on disk; never raises."""
        problems: list[str] = []
        is_key_new = self._reload_key(problems)
        before = self._clients
        self._reload_list(problems)
        added = [name for key, name in self._clients.items() if key not in before]
        gone = [name for key, name in before.items() if key not in self._clients]
        return Reloaded(is_key_new, tuple(added), tuple(gone), tuple(problems))

    def _reload_key(self, problems: list[str]) -> bool:
        stamp = _stamp(self._store.path(SERVER))
        if stamp == self._key_stamp:
            return False
        self._key_stamp, before = stamp, self.pair
        try:
            self.pair = self._store.load(SERVER)
        except StartError as error:
            problems.append(str(error))
        return self.pair != before

    def _reload_list(self, problems: list[str]) -> None:
        stamp = _stamp(self._list.path)
        if stamp == self._list_stamp:
            return
        self._list_stamp = stamp
        try:
            if stamp is None:
                raise KeysError(f"{self._list.path} is gone; the list as it was still holds")
            self._clients = self._list.read()
        except StartError as error:
            problems.append(str(error))


def _stamp(path: Path) -> _Stamp | None:
    """Return what tells one state of a file from another, its mode and owner included."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns
