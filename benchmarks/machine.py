"""On which machine figures were seen: what a reader needs to judge whether they are theirs."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_VECTOR_FLAGS = ("avx2", "avx512f", "avx512_vnni", "amx_tile")


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return processor, what its vectors are, cores, and the versions that compute."""
    fields = _first_processor(cpuinfo)
    flags = fields.get("flags", "").split()
    return {
        "processor": fields.get("model name", platform.processor() or platform.machine()),
        "vectors": " ".join(flag for flag in _VECTOR_FLAGS if flag in flags),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "numba": metadata.version("numba"),
        "torch": metadata.version("torch"),
    }


def _first_processor(cpuinfo: Path) -> dict[str, str]:
    """Read the first block of /proc/cpuinfo; empty where there is none."""
    if not cpuinfo.exists():
        return {}
    block = cpuinfo.read_text(encoding="utf-8").partition("\n\n")[0]
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
