"""``phoenix-stems keys``: who may use a server from another machine, and how it proves itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.security.allowed_keys import AllowList
from server.security.keys import CLIENT, SERVER, KeyStore, default_keys_directory

if TYPE_CHECKING:
    from collections.abc import Callable

_DESCRIPTION = """\
On the machine of the server:   phoenix-stems keys create server
On each client's machine:       phoenix-stems keys create client
Each prints a public key. Take the client's to the server's machine:
                                phoenix-stems keys allow PUBLIC_KEY "studio laptop"
and give the server's to the clients, as --server-key. Secret keys stay in files of mode 0600 and
are never printed. A running server takes in what changes within a second.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command's actions."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "keys",
        help="make, rotate and allow the keys of servers for other machines",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--keys",
        type=Path,
        default=default_keys_directory(),
        metavar="DIRECTORY",
        help="where keys and allow-list lie [%(default)s]",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, (function, summary, arguments) in _ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary)
        for argument, meaning in arguments.items():
            action.add_argument(argument, help=meaning)
        action.set_defaults(act=function)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; what it prints are public keys and names."""
    act: Callable[[argparse.Namespace], None] = arguments.act
    act(arguments)
    return 0


def _create(arguments: argparse.Namespace) -> None:
    print(KeyStore(arguments.keys).create(arguments.name).public)


def _next(arguments: argparse.Namespace) -> None:
    print(KeyStore(arguments.keys).prepare(arguments.name).public)


def _rotate(arguments: argparse.Namespace) -> None:
    print(KeyStore(arguments.keys).rotate(arguments.name).public)


def _show(arguments: argparse.Namespace) -> None:
    for name, public in KeyStore(arguments.keys).public_keys().items():
        print(f"{public} {name}")


def _allow(arguments: argparse.Namespace) -> None:
    AllowList(arguments.keys).allow(arguments.public_key, arguments.name)


def _revoke(arguments: argparse.Namespace) -> None:
    print(AllowList(arguments.keys).revoke(arguments.client))


def _allowed(arguments: argparse.Namespace) -> None:
    for key, name in AllowList(arguments.keys).read().items():
        print(f"{key} {name}")


_NAME = {"name": f"name of the pair, such as {SERVER} or {CLIENT}"}
_ACTIONS: dict[str, tuple[Callable[[argparse.Namespace], None], str, dict[str, str]]] = {
    "create": (_create, "make a key pair, print its public key", _NAME),
    "next": (_next, "make the pair that the next rotation puts into use", _NAME),
    "rotate": (_rotate, "put the prepared pair into use; a running server follows", _NAME),
    "show": (_show, "print the public keys that are here", {}),
    "allow": (
        _allow,
        "let a client in",
        {"public_key": "the client's public key", "name": "what to call it in logs"},
    ),
    "revoke": (_revoke, "let a client in no more", {"client": "its name or public key"}),
    "allowed": (_allowed, "print the allow-list", {}),
}
