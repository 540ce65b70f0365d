"""The supervised process seen from its supervisor: one run of the engine, and what it says.

The engine's standard output is the channel: a line of JSON when it is ready, then its pulse
(``server.supervisor_pulse``), then ``leaving`` when it ends by its own decision. Its settings go to
its standard input. It is killed by the kernel when its supervisor is, so none is ever left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from server.config import ServerConfig, build, describe

_REAP_S = 2.0
_CHUNK_BYTES = 65536


class EngineProcess:
    """One run of ``command``; ``fileno`` becomes readable when it speaks or dies."""

    def __init__(self, command: Sequence[str], config: ServerConfig) -> None:
        # A session of its own: Ctrl-C is for the supervisor, which then ends it in order.
        self._popen = subprocess.Popen(  # noqa: S603 -- our own command, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._partial = b""
        _tell(self._popen.stdin, config)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._popen.pid

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

    def end(self, *, is_ending: bool) -> int:
        """Make sure that it has ended; returns its exit code, negative for a signal.

        ``is_ending``: its output has ended, so it is about to be gone by itself.
        """
        if is_ending:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_REAP_S)
        self._popen.kill()  # nothing happens to one that is gone
        code = self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        return code


def read_settings(stream: IO[str]) -> tuple[ServerConfig, int]:
    """Return what the supervisor told, and its process number; for the engine's side."""
    told: dict[str, Any] = json.load(stream)
    return build(told["settings"]), int(told["supervisor"])


def reason_of(code: int) -> str:
    """Say how a process ended, from its exit code."""
    if code >= 0:
        return f"ended with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _tell(stream: IO[bytes] | None, config: ServerConfig) -> None:
    told = {"settings": describe(config), "supervisor": os.getpid()}
    if stream is not None:
        with suppress(BrokenPipeError), stream:  # one that died at once is noticed soon enough
            stream.write(json.dumps(told).encode())
