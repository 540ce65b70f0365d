"""Thread priorities: live work before everything ordinary, background work after it.

Linux schedules threads, not processes, so each thread asks for itself. Real-time priority is
granted to root and to users with an ``rtprio`` limit, as audio systems set it up (JACK: group
``audio``); without it live work runs at the ordinary priority and competes with everything else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

REALTIME_PRIORITY = 5  # below JACK's own threads (10 and above), which our stems must not delay
PREPARING_PRIORITY = 4  # of what prepares live work: it may hold the interpreter's lock
BACKGROUND_NICE = 10


def claim_realtime(priority: int = REALTIME_PRIORITY) -> bool:
    """Give the calling thread real-time priority; False where the system does not grant it."""
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, policy, os.sched_param(priority))
        return True
    return False


def claim_realtime_for_sockets() -> bool:
    """Give ZeroMQ's own threads, which every message passes, the same; False where not granted.

    libzmq can set it itself, but ends the process where the system refuses.
    """
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    with contextlib.suppress(OSError):
        for thread in socket_threads():
            os.sched_setscheduler(thread, policy, os.sched_param(REALTIME_PRIORITY))
        return True
    return False


def socket_threads() -> list[int]:
    """Return the numbers of ZeroMQ's own threads here; each names itself as it starts."""
    return [
        int(thread.name)
        for thread in Path("/proc/self/task").iterdir()
        if _name(thread).startswith("ZMQbg/IO")
    ]


def _name(thread: Path) -> str:
    """Return what a thread calls itself; nothing for one that has just ended."""
    with contextlib.suppress(OSError):
        return (thread / "comm").read_text(encoding="ascii")
    return ""


def yield_to_others() -> None:
    """Lower the calling thread's priority."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICE)
