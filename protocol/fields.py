"""What a header field may hold: one small class per wire type, with its range.

A message declares each field as ``Annotated[<Python type>, <field type>]``; from that one
declaration come the checks where the message is made, the conversion from and to msgpack, the check
of limits, and the comparison with the tables of PROTOCOL.md.
"""
# ruff: noqa: D102 -- FieldType documents the methods that its children override

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, get_type_hints

import numpy as np

from protocol.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from protocol.limits import Limits


_FLOAT32: Final = np.dtype(np.float32)


class FieldType(ABC):
    """The type and range of one header field."""

    __slots__ = ()
    wire_type: ClassVar[str]

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What may stand in the field, as PROTOCOL.md words it."""

    @abstractmethod
    def check(self, label: str, value: Any) -> None:
        """Raise InvalidField, naming the field and what is allowed, unless the value fits."""

    def from_wire(self, _label: str, value: Any) -> Any:
        """Return the Python value of what msgpack read; ``check`` comes after it."""
        return value

    def to_wire(self, value: Any) -> Any:
        """Return what msgpack is to write."""
        return value

    @property
    def has_limit(self) -> bool:
        """Whether ``check_limits`` can ever refuse."""
        return True

    def check_limits(self, label: str, value: Any, limits: Limits) -> None:  # noqa: B027
        """Raise LimitExceeded when the value is larger than a limit; most types have none."""

    def refuse(self, label: str, value: Any) -> InvalidField:
        """Return the error that says what was given and what is allowed."""
        given = f"{value!r:.80}" if isinstance(value, int | float | str) else type(value).__name__
        return InvalidField(f"{label}: {given} given; {self.wire_type}, {self.allowed}, required")


@dataclass(frozen=True, slots=True)
class Integer(FieldType):
    """A whole number from ``low`` to ``high``, and no more than the limit of that name."""

    wire_type = "int"
    low: int = 0
    high: int = 2**53 - 1  # every language holds it exactly
    limit: str = ""

    @property
    def allowed(self) -> str:
        return f"{self.low} to {self.limit or self.high}"

    def check(self, label: str, value: Any) -> None:
        if type(value) is not int or not self.low <= value <= self.high:
            raise self.refuse(label, value)

    @property
    def has_limit(self) -> bool:
        return bool(self.limit)

    def check_limits(self, label: str, value: int, limits: Limits) -> None:
        if self.limit:
            limits.check(self.limit, value, label)


@dataclass(frozen=True, slots=True)
class Flag(FieldType):
    """True or false."""

    wire_type = "bool"

    @property
    def allowed(self) -> str:
        return "true or false"

    @property
    def has_limit(self) -> bool:
        return False

    def check(self, label: str, value: Any) -> None:
        if type(value) is not bool:
            raise self.refuse(label, value)


@dataclass(frozen=True, slots=True)
class Text(FieldType):
    """UTF-8 text of at least ``low`` bytes, and no more than the limit of that name."""

    wire_type = "str"
    limit: str = "maximum_text_bytes"
    low: int = 0

    @property
    def allowed(self) -> str:
        return f"{self.low} to {self.limit} bytes"

    def check(self, label: str, value: Any) -> None:
        if not isinstance(value, str) or len(value) < self.low or not _is_encodable(value):
            raise self.refuse(label, value)

    def check_limits(self, label: str, value: str, limits: Limits) -> None:
        limits.check(self.limit, len(value.encode()), label, "bytes")


@dataclass(frozen=True, slots=True)
class Code(FieldType):
    """An error code: E and three digits."""

    wire_type = "str"

    @property
    def allowed(self) -> str:
        return "E000 to E999"

    @property
    def has_limit(self) -> bool:
        return False

    def check(self, label: str, value: Any) -> None:
        good = isinstance(value, str) and len(value) == 4 and value[0] == "E"
        if not (good and value[1:].isascii() and value[1:].isdigit()):
            raise self.refuse(label, value)


@dataclass(frozen=True, slots=True)
class Names(FieldType):
    """A list of ``low`` or more different names, each of 1 byte or more."""

    wire_type = "list of str"
    limit: str = "maximum_list_items"
    low: int = 0

    @property
    def allowed(self) -> str:
        return f"{self.low} to {self.limit} different names"

    def check(self, label: str, value: Any) -> None:
        if type(value) is not tuple or len(value) < self.low or not _are_names(value):
            raise self.refuse(label, value)

    def from_wire(self, label: str, value: Any) -> Any:
        if type(value) is not list:
            raise self.refuse(label, value)
        return tuple(value)

    def check_limits(self, label: str, value: tuple[str, ...], limits: Limits) -> None:
        if len(value) > getattr(limits, self.limit):
            raise limits.exceeded(self.limit, len(value), label, "items")
        if (longest := longest_bytes(value)) > limits.maximum_name_bytes:
            raise limits.exceeded("maximum_name_bytes", longest, label, "bytes of a name")


@dataclass(frozen=True, slots=True)
class Gains(FieldType):
    """A gain for each of some stems."""

    wire_type = "map of str to float"
    low_db: float = -120.0
    high_db: float = 24.0

    @property
    def allowed(self) -> str:
        return f"0 to maximum_stems names, each {self.low_db:g} to {self.high_db:g}"

    def check(self, label: str, value: Any) -> None:
        if not isinstance(value, dict) or not _are_names(tuple(value)):
            raise self.refuse(label, value)
        for name, gain_db in value.items():
            if not self._is_gain(gain_db):
                raise self.refuse(f"{label}[{name!r}]", gain_db)

    def _is_gain(self, value: Any) -> bool:
        is_number = type(value) is int or type(value) is float
        return is_number and self.low_db <= value <= self.high_db  # false for NaN

    def to_wire(self, value: dict[str, float]) -> dict[str, float]:
        return {name: float(gain_db) for name, gain_db in value.items()}

    def check_limits(self, label: str, value: dict[str, float], limits: Limits) -> None:
        limits.check("maximum_stems", len(value), label, "items")
        limits.check("maximum_name_bytes", longest_bytes(tuple(value)), label, "bytes of a name")


@dataclass(frozen=True, slots=True)
class Maybe(FieldType):
    """A field that may be left out; None in Python, absent (or nil) on the wire."""

    wire_type = "optional"
    inner: FieldType

    @property
    def allowed(self) -> str:
        return self.inner.allowed

    @property
    def has_limit(self) -> bool:
        return self.inner.has_limit

    def check(self, label: str, value: Any) -> None:
        if value is not None:
            self.inner.check(label, value)

    def from_wire(self, label: str, value: Any) -> Any:
        return None if value is None else self.inner.from_wire(label, value)

    def to_wire(self, value: Any) -> Any:
        return None if value is None else self.inner.to_wire(value)

    def check_limits(self, label: str, value: Any, limits: Limits) -> None:
        if value is not None:
            self.inner.check_limits(label, value, limits)


@dataclass(frozen=True, slots=True)
class Record(FieldType):
    """A map with the fields of a dataclass."""

    wire_type = "map"
    cls: Callable[..., Any]

    @property
    def allowed(self) -> str:
        return self.cls.__name__

    def check(self, label: str, value: Any) -> None:
        if type(value) is not self.cls:
            raise self.refuse(label, value)

    def from_wire(self, label: str, value: Any) -> Any:
        if type(value) is not dict:
            raise self.refuse(label, value)
        return self.cls(**read_fields(fields_of(self.cls), value))

    def to_wire(self, value: Any) -> dict[str, Any]:
        return write_fields(fields_of(self.cls), value)

    def check_limits(self, label: str, value: Any, limits: Limits) -> None:
        for spec in fields_of(self.cls):
            spec.type.check_limits(f"{label}.{spec.name}", getattr(value, spec.name), limits)


@dataclass(frozen=True, slots=True)
class Records(FieldType):
    """A list of maps, each with the fields of a dataclass."""

    wire_type = "list of map"
    cls: Callable[..., Any]

    @property
    def allowed(self) -> str:
        return f"0 to maximum_list_items of {self.cls.__name__}"

    def check(self, label: str, value: Any) -> None:
        if type(value) is not tuple or any(type(item) is not self.cls for item in value):
            raise self.refuse(label, value)

    def from_wire(self, label: str, value: Any) -> Any:
        if type(value) is not list:
            raise self.refuse(label, value)
        record = Record(self.cls)
        return tuple(record.from_wire(f"{label}[{i}]", item) for i, item in enumerate(value))

    def to_wire(self, value: Any) -> list[dict[str, Any]]:
        return [Record(self.cls).to_wire(item) for item in value]

    def check_limits(self, label: str, value: Any, limits: Limits) -> None:
        limits.check("maximum_list_items", len(value), label, "items")
        for index, item in enumerate(value):
            Record(self.cls).check_limits(f"{label}[{index}]", item, limits)


@dataclass(frozen=True, slots=True)
class Pcm(FieldType):
    """Planar float32 samples: the second frame of the message, its shape in the header."""

    wire_type = "PCM"
    axes: int
    limit: str

    @property
    def allowed(self) -> str:
        return f"{self.axes} axes of float32, 1 to {self.limit} frames"

    def check(self, label: str, value: Any) -> None:
        if not isinstance(value, np.ndarray) or value.dtype != _FLOAT32:
            given = getattr(value, "dtype", type(value).__name__)
            raise InvalidField(f"{label}: {given} given; a numpy array of float32 required")
        if value.ndim != self.axes or not value.size:
            raise InvalidField(f"{label}: shape {value.shape} given; {self.allowed}, required")

    def check_limits(self, label: str, value: Any, limits: Limits) -> None:
        *_, channels, frames = value.shape
        if frames > getattr(limits, self.limit):
            raise limits.exceeded(self.limit, frames, label, "frames")
        if channels > limits.maximum_channels:
            raise limits.exceeded("maximum_channels", channels, label, "channels")
        if value.nbytes > limits.maximum_payload_bytes:
            raise limits.exceeded("maximum_payload_bytes", value.nbytes, label, "bytes")


class FieldSpec(NamedTuple):
    """One field of a message or of a map within it."""

    name: str
    label: str  # with the message's name before it, for errors
    type: FieldType
    required: bool
    converts: bool  # whether its Python value and what msgpack holds ever differ
    whole: tuple[int, int]  # an int from the first to the second is right; else ask the type


_NO_INTEGER: Final = (1, 0)


@cache
def fields_of(cls: Any) -> tuple[FieldSpec, ...]:
    """Return the fields of a dataclass whose annotations carry a field type, in order."""
    hints = get_type_hints(cls, include_extras=True)
    owner = str(getattr(cls, "kind", cls.__name__))
    return tuple(
        _spec(
            item.name,
            f"{owner}.{item.name}",
            hints[item.name].__metadata__[0],
            required=item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(cls)
    )


def _spec(name: str, label: str, type_: FieldType, *, required: bool) -> FieldSpec:
    cls = type(type_)
    converts = cls.from_wire is not FieldType.from_wire or cls.to_wire is not FieldType.to_wire
    whole = (type_.low, type_.high) if isinstance(type_, Integer) else _NO_INTEGER
    return FieldSpec(name, label, type_, required, converts, whole)


class Checked:
    """Base of everything on the wire: checks each field against its declared type when made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        cls: Any = type(self)
        for name, label, type_, _, _, (low, high) in fields_of(cls):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:  # spares most a call
                type_.check(label, value)


def read_fields(specs: Iterable[FieldSpec], header: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments from a msgpack map; unknown keys are ignored.

    Raises InvalidField when a required one is missing.
    """
    values = {}
    for name, label, type_, required, converts, _ in specs:
        if name in header:
            value = header[name]
            values[name] = type_.from_wire(label, value) if converts else value
        elif required:
            raise InvalidField(f"{label} is missing: {type_.wire_type}, {type_.allowed}, required")
    return values


def write_fields(specs: Iterable[FieldSpec], value: object) -> dict[str, Any]:
    """Return the msgpack map of a message or record; what is None is left out."""
    written = {}
    for name, _, type_, _, converts, _ in specs:
        item = getattr(value, name)
        if converts:
            item = type_.to_wire(item)
        if item is not None:
            written[name] = item
    return written


def _is_encodable(text: str) -> bool:
    """Tell whether the text has a UTF-8 form; a lone surrogate has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_names(values: tuple[Any, ...]) -> bool:
    """Tell whether all are different, non-empty texts."""
    try:
        return _are_different_names(values)
    except TypeError:  # an unhashable one: a list or a map
        return False


@lru_cache(maxsize=256)  # every stems block of a stream carries the same few names
def _are_different_names(values: tuple[Any, ...]) -> bool:
    good = all(isinstance(value, str) and value and _is_encodable(value) for value in values)
    return good and len(set(values)) == len(values)


@lru_cache(maxsize=256)
def longest_bytes(values: tuple[str, ...]) -> int:
    """Return the length of the longest name in UTF-8; 0 where there is none."""
    return max((len(value.encode()) for value in values), default=0)
