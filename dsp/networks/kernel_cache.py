"""Kernels that are made of others, compiled anew where any of those has changed.

Numba keeps compiled kernels on disk and asks only whether a kernel's own file is what it was. The
kernels of a hop call others, from other files, and these are compiled into them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache

from dsp.networks.byte_products import available_instructions

if TYPE_CHECKING:
    from collections.abc import Iterable

_Function = TypeVar("_Function", bound=Callable[..., Any])


def digest(files: Iterable[Path]) -> str:
    """Return a hash of the contents of some files, in whatever order."""
    contents = sorted(file.read_bytes() for file in files)
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def kernel_files() -> list[Path]:
    """Return the files that kernels are made of, and those of the numbers in them."""
    patterns = (
        *("*_kernels.py", "*products.py", "lane*.py", "tiles.py", "vectors.py", "aligned.py"),
        *("phoenix_shape.py", "bandwidth.py", "processor.py"),
        *("../framing.py", "../overlap_add.py"),
    )
    return [file for pattern in patterns for file in Path(__file__).parent.glob(pattern)]


_MADE_OF = (digest(kernel_files()), *available_instructions())


class _Cache(FunctionCache):
    def _index_key(self, *arguments: Any) -> tuple[Any, ...]:
        return (*super()._index_key(*arguments), _MADE_OF)


def hop_kernel(function: _Function) -> _Function:
    """Compile a function that calls other kernels; it runs without the interpreter's lock."""
    kernel = njit(nogil=True)(function)
    kernel._cache = _Cache(function)  # noqa: SLF001 -- Numba's own option knows its own cache only
    return cast("_Function", kernel)
