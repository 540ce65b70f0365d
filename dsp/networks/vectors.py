"""LLVM's vectors, as the intrinsics of kernels write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils

_INT = ir.IntType(32)


class Bfloat(ir.Type):
    """The type of bfloat16, which llvmlite does not know yet."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bfloat)

    def __hash__(self) -> int:
        return hash(Bfloat)


def constant(kind: Any, value: float) -> Any:
    """Return a vector of a type with one value in every lane."""
    return ir.Constant(kind, [kind.element(value)] * kind.count)


def load(builder: Any, pointer: Any, kind: Any, align: int = 4) -> Any:
    """Read a vector of a type from wherever it lies."""
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=align)


def load_masked(builder: Any, pointer: Any, mask: Any, others: Any) -> Any:
    """Read the lanes whose mask is set, and nothing else; the ``others`` stay as they are."""
    pointer = builder.bitcast(pointer, others.type.as_pointer())
    arguments = [pointer, _INT(1), mask, others]
    return call(builder, f"llvm.masked.load.{_name(others)}", others.type, arguments)


def store_masked(builder: Any, vector: Any, pointer: Any, mask: Any) -> None:
    """Write the lanes whose mask is set."""
    pointer = builder.bitcast(pointer, vector.type.as_pointer())
    arguments = [vector, pointer, _INT(1), mask]
    call(builder, f"llvm.masked.store.{_name(vector)}", ir.VoidType(), arguments)


def are_fewer(builder: Any, lanes: Sequence[int], count: Any) -> Any:
    """Tell which lanes, of these numbers, are among the first ``count``, an integer: a mask."""
    kind = ir.VectorType(_INT, len(lanes))
    numbers = ir.Constant(kind, [_INT(lane) for lane in lanes])
    few = count if count.type == _INT else builder.trunc(count, _INT)
    return builder.icmp_signed("<", numbers, everywhere(builder, few, len(lanes)))


def everywhere(builder: Any, value: Any, count: int) -> Any:
    """Return a vector with one value in every lane."""
    undefined = ir.Constant(ir.VectorType(value.type, 1), ir.Undefined)
    return lanes_of(builder, builder.insert_element(undefined, value, _INT(0)), [0] * count)


def lanes_of(builder: Any, vector: Any, numbers: Sequence[int]) -> Any:
    """Return the lanes of these numbers."""
    chosen = ir.Constant(ir.VectorType(_INT, len(numbers)), [_INT(k) for k in numbers])
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), chosen)


def lanes_of_two(builder: Any, vector: Any, other: Any, numbers: Sequence[int]) -> Any:
    """Return the lanes of these numbers, the other vector's counted on from the first one's."""
    chosen = ir.Constant(ir.VectorType(_INT, len(numbers)), [_INT(k) for k in numbers])
    return builder.shuffle_vector(vector, other, chosen)


def _name(vector: Any) -> str:
    kind = vector.type
    of = f"v{kind.count}{kind.element.intrinsic_name}"
    return f"{of}.p0{of}"


def call(builder: Any, name: str, returns: Any, arguments: Sequence[Any]) -> Any:
    """Call one of LLVM's functions by its name; ``returns`` is the type of what it gives."""
    kind = ir.FunctionType(returns, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
