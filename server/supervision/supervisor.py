"""The parent of the engine: starts it, watches its pulse, starts it again when it dies or hangs.

It is small on purpose (no torch, no socket of the protocol), so that little can go wrong in it. It
owns what must outlive an engine: the metrics port, the number of a port that was chosen freely, and
the process number that was given out. See ADR 0007.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from server.config import is_encrypted
from server.errors import StartError
from server.monitoring.http import HealthEndpoint
from server.security.listening import prepare_endpoint
from server.supervision.engine_process import EngineProcess, reason_of
from server.supervision.parent import ParentWatch
from server.supervision.policy import RestartPolicy
from server.supervision.status import Status
from server.supervision.watch import EngineWatch

if TYPE_CHECKING:
    from server.config import ServerConfig
    from server.monitoring.log import Logger

LEAVE_MARGIN_S = 1.0  # to end, beyond the grace for queued work
EXIT_TIMEOUT_S = 2.0  # of one that has closed its output
GAVE_UP = 1
_PARENT_CHECK_S = 0.5
_INNER_METRICS = "127.0.0.1:0"  # the engine's own; people are told of the supervisor's

Announce = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _End:
    """How a run of the engine ended; with ``code`` None another one follows."""

    code: int | None
    trouble: str = ""  # why it had to be ended; nothing if it died

    def why(self, code: int) -> str:
        """Say why it ended, with the exit code that it left."""
        return self.trouble or reason_of(code)


class Supervisor:
    """Runs one engine after another until told to stop, or until they end too often.

    ``command`` starts an engine (see ``server.supervision.engine_process``); ``announce`` is given
    the ready line's content each time one is ready. Raises EndpointInUseError for a metrics port in
    use.
    """

    def __init__(
        self,
        config: ServerConfig,
        command: Sequence[str],
        *,
        log: Logger,
        announce: Announce,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._command = command
        self._log = log
        self._announce = announce
        self._clock = clock
        self._policy = RestartPolicy(
            restarts=config.engine.restarts, stable_s=config.engine.stable_s
        )
        self._status = Status()
        self._health = _open_health(config.metrics, self._status)
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._parent = ParentWatch(config.parent_pid)
        self._parent_checked_at = clock()
        self._is_stopping = False
        self._was_ready = False  # some engine, ever
        self._ready_at: float | None = None  # of the engine that runs
        self._ended_at: float | None = None  # of the one before

    def stop(self) -> None:
        """Have ``run`` drain the engine and return; from a signal handler or any thread."""
        self._is_stopping = True
        self._waker.send(b"!")

    def run(self) -> int:
        """Return the exit code: 0 after ``stop``, else that of an engine that cannot start."""
        engine = EngineProcess(self._command)
        try:
            while True:
                engine.tell(self._engine_config())
                end = self._attend_to_the_end(engine)
                if end.code is not None:
                    return end.code
                pause_s = self._policy.next_pause_s(self._sound_s())
                if pause_s is None:
                    return self._give_up(end, self._reap(engine, end))
                successor = None if pause_s else EngineProcess(self._command)
                self._note_restart(end, self._reap(engine, end), pause_s)
                if successor is None:
                    if self._pause(pause_s):
                        return 0
                    successor = EngineProcess(self._command)
                engine = successor
        finally:
            engine.reap()
            self._close()

    def _close(self) -> None:
        if self._was_ready:
            with suppress(StartError):  # somebody else listens there by now
                prepare_endpoint(self._config.endpoint, is_encrypted=is_encrypted(self._config))
        if self._health is not None:
            self._health.stop()
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _engine_config(self) -> ServerConfig:
        metrics = _INNER_METRICS if self._config.metrics else ""
        return replace(self._config, metrics=metrics, parent_pid=0)

    def _attend_to_the_end(self, engine: EngineProcess) -> _End:
        """Attend to an engine until it ends, or has to be ended, and say what is next."""
        watch = EngineWatch(
            hang_s=self._config.engine.hang_s,
            leave_s=self._config.shutdown_grace_s + LEAVE_MARGIN_S,
        )
        self._ready_at = None
        self._selector.register(engine, selectors.EVENT_READ)
        try:
            has_ended = self._attend(engine, watch)
            if self._is_stopping and watch.ready and not has_ended:
                self._status.down("is stopping")
                has_ended = self._drain(engine, watch)
        finally:
            self._selector.unregister(engine)
        self._ended_at = self._clock()
        if not has_ended:
            engine.kill()
        return self._judge(engine, watch)

    def _attend(self, engine: EngineProcess, watch: EngineWatch) -> bool:
        """Listen until the engine ends (True), is in trouble, or is no longer wanted (False)."""
        while not self._should_stop() and not watch.trouble:
            if not self._listen(engine, watch):
                return True
            if watch.ready and self._ready_at is None:
                self._engine_is_ready(watch.ready)
        return False

    def _drain(self, engine: EngineProcess, watch: EngineWatch) -> bool:
        """Let the engine finish; False when it does not end in time."""
        engine.ask_to_end()
        watch.hear("leaving")
        while not watch.trouble:
            if not self._listen(engine, watch):
                return True
        return False

    def _listen(self, engine: EngineProcess, watch: EngineWatch) -> bool:
        """Take in what comes within a turn; False when the engine has ended."""
        ready = {key.fileobj for key, _ in self._selector.select(watch.turn_s)}
        if self._wake in ready:
            self._wake.recv(64)
        if not ready:
            if engine.is_exiting:
                return False
            watch.tick()
        lines = engine.read() if engine in ready else []
        for line in lines or ():
            watch.hear(line)
        return lines is not None

    def _engine_is_ready(self, told: dict[str, Any]) -> None:
        self._ready_at = self._clock()
        self._was_ready = True
        recovery_s = None if self._ended_at is None else self._ready_at - self._ended_at
        self._status.up(told.get("metrics", ""), recovery_s)
        if recovery_s is not None:
            self._log.warning("engine is back", after_s=round(recovery_s, 3))
        self._config = replace(self._config, endpoint=told["endpoint"])  # a free port stays ours
        line = {"ready": True, "endpoint": told["endpoint"], "pid": os.getpid()}
        line |= {"engine_pid": told["pid"], "restarts": self._status.restarts}
        if self._health is not None:
            line["metrics"] = self._health.url
        self._announce(line)

    def _judge(self, engine: EngineProcess, watch: EngineWatch) -> _End:
        if self._is_stopping:
            return _End(0)
        if not self._was_ready or watch.is_leaving:
            engine.wait_for_exit(EXIT_TIMEOUT_S)
            return _End(engine.reap())  # it has said why
        end = _End(None, watch.trouble)
        self._status.down(f"{end.trouble or 'has died'}, restarting")
        return end

    def _reap(self, engine: EngineProcess, end: _End) -> int:
        """Wait until an engine is gone, which frees its address; its successor loads meanwhile."""
        if not end.trouble:
            engine.wait_for_exit(EXIT_TIMEOUT_S)
        return engine.reap()

    def _note_restart(self, end: _End, code: int, pause_s: float) -> None:
        why = end.why(code)
        self._status.restarting("hung" if end.trouble else "died", why)
        self._log.error("engine restarts", why=why, restarts=self._status.restarts, pause_s=pause_s)

    def _sound_s(self) -> float:
        """For how long the engine that has just ended had been ready."""
        if self._ready_at is None or self._ended_at is None:
            return 0.0
        return self._ended_at - self._ready_at

    def _pause(self, pause_s: float) -> bool:
        """Wait; True when told to stop meanwhile."""
        deadline = self._clock() + pause_s
        while not self._should_stop() and (remaining_s := deadline - self._clock()) > 0:
            if self._selector.select(min(remaining_s, _PARENT_CHECK_S)):
                self._wake.recv(64)
        return self._should_stop()

    def _give_up(self, end: _End, code: int) -> int:
        self._log.error(
            "engine ends again and again, giving up",
            why=end.why(code),
            restarts=self._status.restarts,
        )
        return GAVE_UP

    def _should_stop(self) -> bool:
        """Whether told to stop, or the process that wanted us is gone."""
        now = self._clock()
        if now - self._parent_checked_at >= _PARENT_CHECK_S:
            self._parent_checked_at = now
            self._is_stopping = self._is_stopping or not self._parent.is_alive()
        return self._is_stopping


def _open_health(address: str, status: Status) -> HealthEndpoint | None:
    if not address:
        return None
    health = HealthEndpoint(address, status, lambda: status.is_ready, describe=status.health)
    health.start()
    return health
