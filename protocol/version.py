"""The version of the wire. Major must match; a newer minor only adds optional fields."""

from typing import Final

from protocol.errors import UnsupportedVersion

MAJOR: Final = 1
MINOR: Final = 0


def check_major(major: int) -> None:
    """Raise UnsupportedVersion unless the peer's major version is ours."""
    if major != MAJOR:
        raise UnsupportedVersion(
            f"the peer speaks version {major}, this side {MAJOR}.{MINOR}: "
            "the major versions must be the same; update the older side"
        )
