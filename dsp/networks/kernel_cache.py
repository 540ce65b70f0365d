"""Kernels that are made of others, compiled anew where any of those has changed.

Numba keeps compiled kernels on disk and asks only whether a kernel's own file is what it was. But
kernels call others, from other files, and these are compiled into them. And what it has on disk of
a kernel names the types of its arguments, which an earlier version may have had elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

from dsp.networks.processor import tiles_are_granted

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


_MADE_OF = digest(kernel_files())
_HAS_TILES = tiles_are_granted()


class _Index(IndexDataCacheFile):
    """What is on disk of a kernel: nothing, where that is of types which there are no longer."""

    def _load_index(self) -> dict[object, str]:
        try:
            return dict(super()._load_index())
        except (AttributeError, ImportError):
            return {}


class _Cache(FunctionCache):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), _MADE_OF
        self._cache_file = _Index(self._cache_path, self._impl.filename_base, stamp)

    def _index_key(self, *arguments: Any) -> tuple[Any, ...]:
        return (*super()._index_key(*arguments), _HAS_TILES)


def kernel(function: _Function) -> _Function:
    """Compile a function; it keeps the interpreter's lock, so it should be short."""
    return _compile(function, nogil=False)


def hop_kernel(function: _Function) -> _Function:
    """Compile a function that runs without the interpreter's lock."""
    return _compile(function, nogil=True)


def _compile(function: _Function, *, nogil: bool) -> _Function:
    compiled = njit(nogil=nogil)(function)
    compiled._cache = _Cache(function)  # noqa: SLF001 -- Numba's own option knows its own cache only
    return cast("_Function", compiled)
