"""Rows of a matrix product where they lie in memory, so that neighbouring ones may overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dsp.separator import FloatArray


class Rows(NamedTuple):
    """Row ``r`` is of ``values``, flat, from ``r * step`` on, as many as there are inputs."""

    values: FloatArray
    step: int
    row_count: int

    @classmethod
    def of(cls, array: FloatArray) -> Rows:
        """View a contiguous [row, value]."""
        return cls(array.reshape(-1), array.shape[1], array.shape[0])
