"""The version of the wire. Major must match; a newer minor only adds optional fields."""

from typing import Final

MAJOR: Final = 1
MINOR: Final = 0
