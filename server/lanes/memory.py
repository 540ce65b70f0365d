"""Keeps pages in memory: a page that the system took back meanwhile costs live work milliseconds.

Code and data that rest for some seconds are the first that a system in want of memory drops, and
reading them again from disk is slower than a block is long. Audio systems lock what they use (JACK
does). Locking needs root, the capability ``IPC_LOCK``, or an unlimited ``memlock`` limit; with a
finite limit the process could no longer allocate once it is reached, so then nothing is locked.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from pathlib import Path

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # <sys/mman.h>; on fault: not before it is used
_CAP_IPC_LOCK = 14  # <linux/capability.h>


def lock_pages() -> bool:
    """Keep every page this process uses, now or later, in memory; False where that is not granted.

    Reference: mlockall(2).
    """
    if sys.platform != "linux" or not _may_lock():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _may_lock() -> bool:
    soft_limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return soft_limit == resource.RLIM_INFINITY or _has_capability(_CAP_IPC_LOCK)


def _has_capability(number: int) -> bool:
    """Whether a capability is effective; reference: capabilities(7), proc(5)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> number & 1)
    return False
