"""The supervised process seen from its supervisor: one run of the engine, and what it says.

The engine's standard output is the channel: a line of JSON when it is ready, then its pulse
(``server.supervision.pulse``), then ``leaving`` when it ends by its own decision. Its settings go
to its standard input. The kernel kills it when its supervisor dies, so none is ever left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from server.config import ServerConfig, build, describe

_CHUNK_BYTES = 65536
_FLAGS = 6  # place of the flags behind the name in /proc/PID/stat, proc(5)
_PF_EXITING = 4  # <linux/sched.h>


class EngineProcess:
    """One run of ``command``, with our process number behind it; readable when it speaks or ends.

    It loads its libraries at once and waits for ``tell``, so that it may be started while its
    predecessor, whose address it needs, is still being torn down.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # A session of its own: Ctrl-C is for the supervisor, which then ends it in order.
        self._popen = subprocess.Popen(  # noqa: S603 -- our own command, no shell
            [*command, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._partial = b""

    @property
    def is_exiting(self) -> bool:
        """Whether the system is taking it down; that can take a while before its output ends."""
        try:
            stat = Path(f"/proc/{self._popen.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return True
        return bool(int(stat.rpartition(")")[2].split()[_FLAGS]) & _PF_EXITING)

    def tell(self, config: ServerConfig) -> None:
        """Hand over its settings; now it starts."""
        assert self._popen.stdin is not None  # noqa: S101 -- we asked for a pipe
        with suppress(BrokenPipeError), self._popen.stdin as stream:  # its end is noticed elsewhere
            stream.write(json.dumps(describe(config)).encode())

    def fileno(self) -> int:
        """Return the descriptor to poll for reading."""
        assert self._popen.stdout is not None  # noqa: S101 -- we asked for a pipe
        return self._popen.stdout.fileno()

    def read(self) -> list[str] | None:
        """Return the lines that have come; None when it has closed its output, which is its end."""
        data = os.read(self.fileno(), _CHUNK_BYTES)
        if not data:
            return None
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def ask_to_end(self) -> None:
        """Let it finish what is queued, then end."""
        self._popen.terminate()

    def wait_for_exit(self, timeout_s: float) -> None:
        """Let one that is about to be gone get there by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)

    def kill(self) -> None:
        """End it now; nothing happens to one that is gone."""
        self._popen.kill()

    def reap(self) -> int:
        """Wait until nothing is left of it; returns its exit code, negative for a signal."""
        self._popen.kill()
        code = self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        return code


def read_settings(stream: IO[str]) -> ServerConfig:
    """Return what the supervisor told; for the engine's side."""
    return build(json.load(stream))


def reason_of(code: int) -> str:
    """Say how a process ended, from its exit code."""
    if code >= 0:
        return f"ended with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
