"""The options of a command that can use a server on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from server.security.keys import CLIENT, default_keys_directory

if TYPE_CHECKING:
    import argparse


class KeyArguments(TypedDict, total=False):
    """What the bridge's ways to connect take."""

    server_key: str
    client_key: Path


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add --server-key and --client-key."""
    parser.add_argument(
        "--server-key", metavar="KEY", help="public key of a server on another machine"
    )
    parser.add_argument(
        "--client-key",
        type=Path,
        default=default_keys_directory() / f"{CLIENT}.key",
        metavar="FILE",
        help="our secret key, for such a server [%(default)s]",
    )


def key_arguments(arguments: argparse.Namespace) -> KeyArguments:
    """Return the keys to connect with; none without --server-key."""
    if arguments.server_key is None:
        return {}
    return {"server_key": arguments.server_key, "client_key": arguments.client_key}
