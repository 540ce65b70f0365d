"""CURVE key pairs on disk: one private file per pair, holding the secret key.

A key is 32 bytes, written as 40 characters of Z85 (ZeroMQ RFC 32). The public key is computed from
the secret one, so the two cannot drift apart. ``NAME.key`` is in use, ``NAME.next.key`` waits for
the next rotation, so that its public key can be given to the other side before it counts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from server.errors import KeysError
from server.security.private_files import (
    check_private_directory,
    create_private,
    make_private_directory,
    read_private,
)

SERVER = "server"
CLIENT = "client"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")  # the alphabet of Z85


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair; the secret half is never printed."""

    public: str
    secret: str = field(repr=False)


def default_keys_directory() -> Path:
    """Return this user's directory for keys."""
    configuration = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(configuration) if configuration else Path.home() / ".config"
    return base / "phoenix-stems" / "keys"


def is_key(text: str) -> bool:
    """Whether the text is a key as Z85 writes it."""
    if _KEY.fullmatch(text) is None:
        return False
    return all(_fits_32_bits(text[first : first + 5]) for first in range(0, 40, 5))


def public_of(secret: str) -> str:
    """Return the public key of a secret one."""
    return str(zmq.curve_public(secret.encode()).decode())


class KeyStore:
    """The key pairs of one directory, which is made private when the first one is created.

    Everything raises ``KeysError``, or ``NotPrivateError`` where others could have read a secret.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str) -> Path:
        """Return the file that holds the pair of that name."""
        return self.directory / f"{_checked_name(name)}.key"

    def create(self, name: str) -> KeyPair:
        """Make a new pair; one that is there is never replaced."""
        return self._create(self.path(name), f"rotate {name}")

    def prepare(self, name: str) -> KeyPair:
        """Make the pair that the next ``rotate`` puts into use; an earlier one is kept."""
        self.load(name)
        return self._create(self._next_path(name), f"rotate {name}")

    def rotate(self, name: str) -> KeyPair:
        """Put the prepared pair into use and forget the one before; a server notices by itself."""
        prepared = self._next_path(name)
        pair = _load(prepared, f"there is none; prepare it with `phoenix-stems keys next {name}`")
        prepared.replace(self.path(name))
        return pair

    def load(self, name: str) -> KeyPair:
        """Return the pair in use."""
        check_private_directory(self.directory)
        missing = f"there is none; make it with `phoenix-stems keys create {name}`"
        return _load(self.path(name), missing)

    def names(self) -> list[str]:
        """Return the names of all pairs, prepared ones as NAME.next."""
        return sorted(path.name.removesuffix(".key") for path in self.directory.glob("[!.]*.key"))

    def public_keys(self) -> dict[str, str]:
        """Return the public key of every pair, by name."""
        return {name: _load(self.directory / f"{name}.key", "gone").public for name in self.names()}

    def _next_path(self, name: str) -> Path:
        return self.directory / f"{_checked_name(name)}.next.key"

    def _create(self, path: Path, instead: str) -> KeyPair:
        make_private_directory(self.directory)
        pair = _new_pair()
        try:
            create_private(path, f"{pair.secret}\n")
        except FileExistsError:
            raise KeysError(
                f"{path} is there already and is kept; to replace it: phoenix-stems keys {instead}"
            ) from None
        return pair


def _new_pair() -> KeyPair:
    """Return a new pair whose public key no command line takes for an option."""
    while True:
        public, secret = (key.decode() for key in zmq.curve_keypair())
        if not public.startswith("-"):
            return KeyPair(public, secret)


def _load(path: Path, missing: str) -> KeyPair:
    try:
        secret = read_private(path).strip()
    except FileNotFoundError:
        raise KeysError(f"key {path}: {missing}") from None
    if not is_key(secret):
        raise KeysError(f"key {path}: 40 characters of Z85 expected; make a new one")
    return KeyPair(public_of(secret), secret)


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise KeysError(f"name {name!r}: 1 to 64 letters, digits, - and _ allowed")
    return name


def _fits_32_bits(group: str) -> bool:
    """Whether five characters of Z85 are a number below 2^32; larger ones are no bytes."""
    value = 0
    for character in group:
        value = value * 85 + _Z85.index(character)
    return value < 1 << 32


_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
