"""Whether the process that wanted this server is still there: it must not be orphaned."""

from __future__ import annotations

import ctypes
import os
import signal

import psutil

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class ParentWatch:
    """Watches one process; with ``pid`` 0, none, and then ``is_alive`` is always true."""

    def __init__(self, pid: int) -> None:
        self._is_watching = pid != 0
        self._process: psutil.Process | None = None
        if pid:
            try:
                self._process = psutil.Process(pid)
            except psutil.NoSuchProcess:
                self._process = None

    def is_alive(self) -> bool:
        """Whether the process runs; another one that was given its number does not count."""
        if not self._is_watching:
            return True
        if self._process is None or not self._process.is_running():
            return False
        try:
            return bool(self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


def end_with_parent(pid: int) -> None:
    """Have the kernel kill this process when its parent ends, even while it is stopped or hangs.

    ``pid``: the parent's, which may be gone already; then this does not return. The parent's main
    thread must have started us. Reference: prctl(2).
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != pid:
        os._exit(1)
