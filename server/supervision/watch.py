"""What an engine says, judged: ready, leaving, stuck or silent; no process and no clock here."""

from __future__ import annotations

import json
import math
from typing import Any

TICK_S = 0.1  # between two signs of life
RESTING_S = 1.0  # the same while nobody is connected
START_TIMEOUT_S = 240.0  # compiling every kernel of a model on a new, slow machine


class EngineWatch:
    """Hears the lines of one engine, and counts turns of ``turn_s`` in which none came.

    Turns and not time: when the machine, or the supervisor, stands still, nobody can speak.
    """

    def __init__(self, *, hang_s: float, leave_s: float) -> None:
        self.ready: dict[str, Any] | None = None  # what it said when it was
        self.is_leaving = False  # it ends by its own decision
        self.trouble = ""  # why it has to be ended
        self.turn_s = TICK_S  # how long to listen before a silence counts
        self._hang_ticks = math.ceil(hang_s / TICK_S)
        self._leave_ticks = math.ceil(leave_s / TICK_S)
        self._silent_ticks = 0

    def hear(self, line: str) -> None:
        """Take in a line; what is none of ours is ignored."""
        self._silent_ticks = 0
        self.turn_s = 2 * RESTING_S if line == "resting" else TICK_S
        if line.startswith("{"):
            self.ready = json.loads(line)
        elif line == "leaving":
            self.is_leaving = True
        elif line.startswith("stuck ") and not self.is_leaving:
            self.trouble = f"hung ({line.removeprefix('stuck ')})"

    def tick(self) -> None:
        """Count a turn in which nothing was heard."""
        self._silent_ticks += 1
        self.turn_s = TICK_S
        if self._silent_ticks >= self._patience_ticks:
            self.trouble = "hung (silent)" if self.ready else "did not become ready"

    @property
    def _patience_ticks(self) -> int:
        if self.is_leaving:
            return self._leave_ticks
        return self._hang_ticks if self.ready else round(START_TIMEOUT_S / TICK_S)
