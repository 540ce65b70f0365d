"""What a supervisor tells the outside about its engine: health, readiness and metrics."""

from __future__ import annotations

import http.client
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

_SCRAPE_TIMEOUT_S = 0.5


class Status:
    """Written by the supervisor's thread, read by those of the HTTP endpoint."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._restarts = Counter(
            "phoenix_stems_engine_restarts",
            "Times the engine was started again, by why it had ended",
            ["cause"],
            registry=self._registry,
        )
        for cause in ("died", "hung"):
            self._restarts.labels(cause=cause)
        self._up = Gauge(
            "phoenix_stems_engine_up", "Whether the engine is ready", registry=self._registry
        )
        self._recovery = Gauge(
            "phoenix_stems_engine_recovery_seconds",
            "From the last end of the engine to ready again",
            registry=self._registry,
        )
        self._engine_metrics = ""  # its own address, host:port
        self._trouble = "is starting"
        self._last = ""
        self.restarts = 0

    @property
    def is_ready(self) -> bool:
        """Whether the engine takes streams."""
        return not self._trouble

    def up(self, metrics_url: str, recovery_s: float | None) -> None:
        """Note that the engine is ready; ``recovery_s`` after its predecessor's end."""
        self._engine_metrics = metrics_url.removeprefix("http://")
        self._trouble = ""
        self._up.set(1)
        if recovery_s is not None:
            self._recovery.set(recovery_s)

    def down(self, what: str) -> None:
        """Note that the engine does not take streams, and why."""
        self._trouble = what
        self._engine_metrics = ""
        self._up.set(0)

    def restarting(self, cause: str, reason: str) -> None:
        """Count a restart; ``cause`` is ``died`` or ``hung``."""
        self.restarts += 1
        self._last = reason
        self._restarts.labels(cause=cause).inc()

    def health(self) -> str:
        """Say how things are in some lines: this process lives, the engine may not; its load."""
        lines = [f"alive, engine {self._trouble}" if self._trouble else "alive"]
        if self.restarts:
            lines.append(f"engine restarts: {self.restarts}, the last because it {self._last}")
        of_engine = self._scrape("/health").decode(errors="replace").splitlines()
        return "\n".join(lines + of_engine[1:])

    def text(self) -> bytes:
        """Return the supervisor's meters and, while it answers, the engine's."""
        return generate_latest(self._registry) + self._scrape("/metrics")

    def _scrape(self, path: str) -> bytes:
        address = self._engine_metrics
        if not address:
            return b""
        connection = http.client.HTTPConnection(address, timeout=_SCRAPE_TIMEOUT_S)
        with suppress(OSError, http.client.HTTPException):
            try:
                connection.request("GET", path)
                return connection.getresponse().read()
            finally:
                connection.close()
        return b""
