"""A server of one's own: started as a process, watched, restarted, stopped.

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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from plugin_bridge.closeable import Closeable
from plugin_bridge.errors import EmbeddedServerFailed

START_TIMEOUT_S: Final = 60.0  # loading and warming up a model takes seconds
STOP_TIMEOUT_S: Final = 5.0
MAXIMUM_RESTARTS: Final = 5
_FIRST_BACK_OFF_S: Final = 0.2
_END_TIMEOUT_S: Final = 1.0
_LOG_TAIL_LINES: Final = 20


class EmbeddedServer(Closeable):
    """`phoenix-stems serve` as a child process, for as long as this object is open.

    A server that dies is started again at the same endpoint, with growing pauses, a few times.
    Raises EmbeddedServerFailed, with the end of the server's log, when it does not become ready.
    """

    def __init__(
        self,
        *,
        model: str = "",
        profile: str = "",
        command: Sequence[str] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
        maximum_restarts: int = MAXIMUM_RESTARTS,
    ) -> None:
        self._directory = tempfile.mkdtemp(prefix="phoenix-stems-")  # mode 0700
        self.endpoint = f"ipc://{Path(self._directory) / 'server.sock'}"
        self._command = [*(command or serve_command()), *self._options(model, profile)]
        self._start_timeout_s = start_timeout_s
        self._maximum_restarts = maximum_restarts
        self.restarts = 0
        self._closing = threading.Event()
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        try:
            self._process = _ServerProcess(self._command)
            self._process.wait_until_ready(start_timeout_s)
        except BaseException:
            self.close()
            raise
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()

    @property
    def pid(self) -> int:
        """Process number of the server that runs now."""
        return self._process.pid

    def explain(self) -> str:
        """Say how the server is, for an error message."""
        return self._process.explain()

    def close(self) -> None:
        """Stop the server and remove its directory; safe to call twice."""
        self._closing.set()
        if process := getattr(self, "_process", None):
            process.stop()
        if supervisor := getattr(self, "_supervisor", None):
            supervisor.join(STOP_TIMEOUT_S)
        self._finalizer()

    def _options(self, model: str, profile: str) -> list[str]:
        options = ["--bind", self.endpoint, "--parent-pid", str(os.getpid())]
        options += ["--model", model] if model else []
        return options + (["--profile", profile] if profile else [])

    def _supervise(self) -> None:
        """Start the server again when it dies, until told to stop or it has died too often."""
        while self.restarts < self._maximum_restarts:
            self._process.wait()
            if self._closing.wait(_FIRST_BACK_OFF_S * 2**self.restarts):
                return
            self.restarts += 1
            replacement = _ServerProcess(self._command)
            self._process = replacement
            if self._closing.is_set():  # close() may have stopped the one before
                replacement.stop()


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
        self._log: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
        self._ready: SimpleQueue[str] = SimpleQueue()
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

    def wait(self) -> None:
        """Return when the process has ended."""
        self._popen.wait()

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return once the ready line has come; raises EmbeddedServerFailed otherwise."""
        try:
            line = self._ready.get(timeout=timeout_s)
        except Empty:
            raise EmbeddedServerFailed(
                f"the server was not ready within {timeout_s:g} s; {self.explain()}"
            ) from None
        if not _is_ready(line):
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
        """Pass the first line on; an empty one when the output ends without any."""
        assert self._popen.stdout is not None  # noqa: S101 -- we asked for a pipe
        with self._popen.stdout as output:
            self._ready.put(output.readline())
            for _ in output:
                pass

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


def _is_ready(line: str) -> bool:
    try:
        return bool(json.loads(line)["ready"])
    except (ValueError, KeyError, TypeError):
        return False
