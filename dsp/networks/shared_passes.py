"""What several threads ask for at the same time, done together.

Whoever finds no pass under way runs one for all that wait; who asks meanwhile waits for the next.
So a pass is as large as the load makes it, and nobody waits for others to come. Databases commit
so: DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

Asked = TypeVar("Asked")


class SharedPasses(Generic[Asked]):
    """Calls ``run`` with what waits, one call at a time."""

    def __init__(self, run: Callable[[Sequence[Asked]], None]) -> None:
        self._run = run
        self._waiting: list[_Turn[Asked]] = []
        self._listing = threading.Lock()
        self._passing = threading.Lock()

    def take_part(self, asked: Asked) -> None:
        """Return when a pass has done it; raises what that pass raised."""
        turn = _Turn(asked)
        with self._listing:
            self._waiting.append(turn)
        with self._passing:
            if not turn.is_done:
                self._pass()
        if turn.error is not None:
            raise turn.error

    @contextmanager
    def between(self) -> Iterator[None]:
        """Hold passes off, to change what they work on."""
        with self._passing:
            yield

    def _pass(self) -> None:
        with self._listing:
            turns, self._waiting = self._waiting, []
        error: Exception | None = None
        try:
            self._run([turn.asked for turn in turns])
        except Exception as raised:  # noqa: BLE001 -- raised again, for each that took part
            error = raised
        for turn in turns:
            turn.is_done, turn.error = True, error


class _Turn(Generic[Asked]):
    """What one thread asked for, and what became of it."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.is_done = False
        self.error: Exception | None = None
