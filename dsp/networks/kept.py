"""Arguments of a kernel that stay the same from call to call, held as the kernel has them.

A network's step is called with some sixty arrays. Given one by one, or in tuples, each would be
looked at anew at every call: 25 us a hop for the trunk, four times as much for the U-Net.
"""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar

from numba import types
from numba.experimental import structref

from dsp.networks.kernel_cache import kernel

_Parts = TypeVar("_Parts")


@structref.register
class _KeptType(types.StructRef):
    pass


class Kept(structref.StructRefProxy, Generic[_Parts]):
    """``parts``, a named tuple of arrays, numbers and more such tuples, in Python and in kernels.

    The arrays are shared: what is written to them is seen by both.
    """

    parts: _Parts

    def __new__(cls, parts: _Parts) -> Self:
        """Hold them; a kernel takes the result and reads ``.parts``."""
        kept: Self = _keep(parts)
        kept.parts = parts
        return kept


structref.define_constructor(Kept, _KeptType, ["parts"])
structref.define_boxing(_KeptType, Kept)


@kernel
def _keep(parts: Any) -> Any:
    return Kept(parts)
