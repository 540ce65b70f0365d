"""Choices read from bytes: a fuzzer that changes the bytes changes the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Draws:
    """Reads numbers, choices and bytes from ``data``; behind its end everything is zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read yet."""
        return len(self._data) - self._at

    def byte(self) -> int:
        """Return the next byte, 0 behind the end."""
        if not self.left:
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def below(self, bound: int) -> int:
        """Return a number from 0 to ``bound`` - 1; from one byte where that is enough."""
        number = self.byte()
        if bound > 256:
            number = 256 * number + self.byte()
        return number % bound

    def one_in(self, count: int) -> bool:
        """Return whether something rare happens; never behind the end."""
        return self.byte() % count == count - 1

    def choice(self, options: Sequence[Choice]) -> Choice:
        """Return one of the options; the first behind the end."""
        return options[self.below(len(options))]

    def bytes(self, count: int) -> bytes:
        """Return the next bytes, at most ``count``."""
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        return taken
