"""How other threads reach the I/O thread: jobs to run there, a descriptor that wakes it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class Mailbox:
    """A queue of jobs whose descriptor becomes readable when there are some.

    ``post`` may be called by any thread; ``run_all`` by the one that polls ``fileno()``. A burst
    of posts costs one system call, and an idle owner sleeps in its poll.
    """

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._signalled = False
        self._closed = False
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor to poll for reading."""
        return self._descriptor

    def post(self, job: Job) -> None:
        """Queue a job and wake the owner; ignored once closed."""
        with self._lock:
            if self._closed:
                return
            self._jobs.append(job)
            if not self._signalled:
                self._signalled = True
                os.eventfd_write(self._descriptor, 1)

    def run_all(self) -> None:
        """Run every job that was posted before this call, in order."""
        with self._lock:
            if not self._signalled:
                return
            os.eventfd_read(self._descriptor)
            self._signalled = False
            jobs = list(self._jobs)
            self._jobs.clear()
        for job in jobs:
            job()

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)
