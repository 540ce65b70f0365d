"""The process of the healthy clients (``benchmarks.soak_player``), seen from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any


class Player:
    """Runs it; ``heard`` is what it said last, ``lines`` everything."""

    def __init__(
        self, endpoint: str, streams: int, seconds: float, model: str, profile: str
    ) -> None:
        arguments = [endpoint, str(streams), str(seconds), model, profile]
        self._process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "benchmarks.soak_player", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.heard: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []
        self.is_ready, self.has_ended = threading.Event(), threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._process:
            for line in self._process.stdout or ():
                self.heard = json.loads(line)
                self.lines.append(self.heard)
                self.is_ready.set()
        self.has_ended.set()
        self.is_ready.set()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
