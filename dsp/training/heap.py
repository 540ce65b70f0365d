"""Freed memory is kept for the next tensor, not given back to the system.

A training step makes and frees hundreds of tensors of tens of megabytes. glibc maps each anew, and
the kernel clears every page of it: a third of the step's time. Kept on the heap, they are there at
once. Sources: mallopt(3).
"""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_NEVER: Final = -1
_STEP_BYTES: Final = 256 * 2**20  # what the heap grows by


def keep_freed_memory() -> bool:
    """Set this process up so; False where the C library is not glibc, and nothing is changed."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _STEP_BYTES))
    return sum(mallopt(name, value) for name, value in settings) == len(settings)
