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
            self._signal()

    def run_all(self) -> None:
        """Run every job that was posted before this call, in order.

        What a job raises is raised here; the jobs behind it have their turn in the next call.
        """
        if not self._signalled:  # read without the lock: a signal that is missed now wakes the poll
            return
        with self._lock:
            if not self._signalled:
                return
            os.eventfd_read(self._descriptor)
            self._signalled = False
            jobs, self._jobs = self._jobs, deque()
        try:
            while jobs:
                jobs.popleft()()
        finally:
            self._put_back(jobs)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def _put_back(self, jobs: deque[Job]) -> None:
        """Queue jobs again, before those that have been posted since."""
        with self._lock:
            if jobs and not self._closed:
                self._jobs.extendleft(reversed(jobs))
                self._signal()

    def _signal(self) -> None:
        if not self._signalled:
            self._signalled = True
            os.eventfd_write(self._descriptor, 1)
