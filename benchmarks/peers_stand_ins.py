"""Stand-ins for what peers import but their networks never use: readers, sound cards, training.

HS-TasNet's module imports ten packages of which its forward pass needs two, Open-Unmix imports a
second library from which it takes a resampler, and the open U-Net's package a command line. To
install all that for a timing would take gigabytes, and another torch with them. A stand-in lets the
import pass; whatever is then called or inherited from it raises.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

UNUSED = (
    "accelerate",
    "ema_pytorch",
    "librosa",
    "log_depth_recurrent_modeling",
    "matplotlib",
    "minGRU_pytorch",
    "musdb",
    "pydub",
    "sounddevice",
    "torchaudio",
    "torchcodec",
)


class StandInUsedError(RuntimeError):
    """A peer needs more of a package than the import of it."""


class _Unused:
    """A name of a package that is not there: may be imported, not used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Unused:
        return _of(self._name, name)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise StandInUsedError(f"{self._name} is a stand-in; install its package to use it")

    def __mro_entries__(self, _: tuple[Any, ...]) -> NoReturn:
        self()


class _StandIn(ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> _Unused:
        return _of(self.__name__, name)


def _of(owner: str, name: str) -> _Unused:
    """Stand in for any name but Python's own, by which it asks what a thing can do."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _Unused(f"{owner}.{name}")


class _StandIns(MetaPathFinder, Loader):
    """Finds the packages of UNUSED, and every module in them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] not in UNUSED:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def allow_unused_imports() -> None:
    """Put stand-ins in front, also of packages that are there: all machines then run the same."""
    if not any(isinstance(finder, _StandIns) for finder in sys.meta_path):
        sys.meta_path.insert(0, _StandIns())
