"""What Numba compiles for: this processor, unless its own settings name another."""

from __future__ import annotations

import ctypes
import platform

from llvmlite import binding
from numba.core import config

_ARCH_PRCTL = 158
_REQUEST_PERMISSION = 0x1023
_TILE_DATA = 18


def features() -> frozenset[str]:
    """Return LLVM's names of the instruction sets that compiled kernels may use.

    NUMBA_CPU_FEATURES, or NUMBA_CPU_NAME=generic, takes the place of what the processor has.
    """
    if config.CPU_FEATURES is not None:
        settings = config.CPU_FEATURES.split(",")
        return frozenset(setting[1:] for setting in settings if setting.startswith("+"))
    host = binding.get_host_cpu_features()
    return frozenset(name for name, is_there in host.items() if is_there)


def tiles_are_granted() -> bool:
    """Ask the system for AMX's tiles, which a process on Linux must before it uses them.

    Reference: Linux, Documentation/arch/x86/xstate.rst, ARCH_REQ_XCOMP_PERM.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return False
    call: int = ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA)
    return call == 0
