"""A server of one's own: started as a process, stopped again; it looks after its engine itself.

The server listens on a Unix socket in a fresh directory that only this user can enter, and ends
when the process that started it does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from plugin_bridge.closeable import Closeable
from plugin_bridge.errors import EmbeddedServerFailed

START_TIMEOUT_S: Final = 180.0  # seconds; on a new machine kernels are compiled, for half a minute
STOP_TIMEOUT_S: Final = 5.0
MAXIMUM_RESTARTS: Final = 5
_END_TIMEOUT_S: Final = 1.0
_LOG_TAIL_LINES: Final = 20


class EmbeddedServer(Closeable):
    """`phoenix-stems serve` as a child process, for as long as this object is open.

    That process starts its engine again, at the same endpoint, when it dies or hangs: with growing
    pauses, at most ``maximum_restarts`` times in a row. An inference step runs on ``threads``
    threads (0: as the server is configured, one unless told); more than one pays where steps are
    long, as offline. Raises EmbeddedServerFailed, with the end of the server's log, when it does
    not become ready.
    """

    def __init__(
        self,
        *,
        model: str = "",
        profile: str = "",
        threads: int = 0,
        command: Sequence[str] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
        maximum_restarts: int = MAXIMUM_RESTARTS,
    ) -> None:
        self._directory = tempfile.mkdtemp(prefix="phoenix-stems-")  # mode 0700
        self.endpoint = f"ipc://{Path(self._directory) / 'server.sock'}"
        options = self._options(model, profile, threads, maximum_restarts)
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        try:
            self._process = _ServerProcess([*(command or serve_command()), *options])
            self._process.wait_until_ready(start_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process number of the engine that runs, or ran last."""
        return int(self._process.announced.get("engine_pid", self._process.pid))

    @property
    def restarts(self) -> int:
        """How often the engine has been started again."""
        return int(self._process.announced.get("restarts", 0))

    def explain(self) -> str:
        """Say how the server is, for an error message."""
        return self._process.explain()

    def close(self) -> None:
        """Stop the server and remove its directory; safe to call twice."""
        if process := getattr(self, "_process", None):
            process.stop()
        self._finalizer()

    def _options(self, model: str, profile: str, threads: int, maximum_restarts: int) -> list[str]:
        options = ["--bind", self.endpoint, "--parent-pid", str(os.getpid())]
        options += ["--engine-restarts", str(maximum_restarts)]
        options += ["--model", model] if model else []
        options += ["--profile", profile] if profile else []
        return options + (["--threads", str(threads)] if threads else [])


class _ServerProcess:
    """One run of the server, and what it wrote."""

    def __init__(self, command: Sequence[str]) -> None:
        # A session of its own: Ctrl-C is for the script, which then closes its server in order.
        self._popen = subprocess.Popen(  # noqa: S603 -- our own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.announced: Mapping[str, Any] = {}  # by its newest ready line
        self._log: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
        self._first_line: SimpleQueue[str] = SimpleQueue()
        self._readers = [
            threading.Thread(target=reader, daemon=True)
            for reader in (self._read_output, self._read_log)
        ]
        for reader in self._readers:
            reader.start()
        # If nobody closes us in order, the end of this process still ends the server.
        self._finalizer = weakref.finalize(self, self._popen.terminate)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return once the ready line has come; raises EmbeddedServerFailed otherwise."""
        try:
            line = self._first_line.get(timeout=timeout_s)
        except Empty:
            raise EmbeddedServerFailed(
                f"the server was not ready within {timeout_s:g} s; {self.explain()}"
            ) from None
        if not self.announced:
            if not line:  # its output has ended, so it is about to end itself: with which code?
                with suppress(subprocess.TimeoutExpired):
                    self._popen.wait(_END_TIMEOUT_S)
            raise EmbeddedServerFailed(f"the server did not start; {self.explain()}")

    def explain(self) -> str:
        """Say whether it runs, and what it wrote last."""
        code = self._popen.poll()
        if code is not None:
            for reader in self._readers:
                reader.join(1.0)
        state = "it runs" if code is None else f"it ended with code {code}"
        log = "\n".join(self._log)
        return f"{state}; the end of its log:\n{log}" if log else f"{state} and wrote no log"

    def stop(self) -> None:
        """Ask it to end, wait, insist."""
        self._finalizer.detach()
        self._popen.terminate()
        try:
            self._popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        for reader in self._readers:
            reader.join(1.0)

    def _read_output(self) -> None:
        """Keep the newest ready line; pass the first line on, empty when there was none."""
        assert self._popen.stdout is not None  # noqa: S101 -- we asked for a pipe
        with self._popen.stdout as output:
            self._hear(line := output.readline())
            self._first_line.put(line)
            for line in output:
                self._hear(line)

    def _hear(self, line: str) -> None:
        told = _parse(line)
        if told.get("ready"):
            self.announced = told

    def _read_log(self) -> None:
        assert self._popen.stderr is not None  # noqa: S101 -- we asked for a pipe
        with self._popen.stderr as log:
            self._log.extend(line.rstrip() for line in log)


def serve_command() -> list[str]:
    """Return the command that starts a server: the one installed beside this Python.

    Raises EmbeddedServerFailed when there is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "phoenix-stems"
    found = str(beside) if beside.exists() else shutil.which("phoenix-stems")
    if found is None:
        raise EmbeddedServerFailed(
            f"no phoenix-stems command in {beside.parent} or on PATH; install the package with its "
            "server (`pip install phoenix-stems`), or pass the endpoint of a running server"
        )
    return [found, "serve"]


def _parse(line: str) -> Mapping[str, Any]:
    """Return what a line of JSON tells; nothing for any other line."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
