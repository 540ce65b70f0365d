"""What Numba compiles for: this processor, unless its own settings name another."""

from __future__ import annotations

from llvmlite import binding
from numba.core import config


def features() -> frozenset[str]:
    """Return LLVM's names of the instruction sets that compiled kernels may use.

    NUMBA_CPU_FEATURES, or NUMBA_CPU_NAME=generic, takes the place of what the processor has.
    """
    if config.CPU_FEATURES is not None:
        settings = config.CPU_FEATURES.split(",")
        return frozenset(setting[1:] for setting in settings if setting.startswith("+"))
    host = binding.get_host_cpu_features()
    return frozenset(name for name, is_there in host.items() if is_there)
