"""Hypothesis strategies for every message, drawn over the whole of each field's range."""

from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocol import Message, Stems
from protocol.fields import (
    Code,
    FieldType,
    Flag,
    Gains,
    Integer,
    Maybe,
    Names,
    Pcm,
    Record,
    Records,
    Text,
    fields_of,
)
from protocol.limits import DEFAULT_LIMITS

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)
names = texts.filter(bool)
samples = st.floats(width=32, allow_nan=False)


def _integers(field_type: Integer) -> st.SearchStrategy[int]:
    bound = getattr(DEFAULT_LIMITS, field_type.limit) if field_type.limit else field_type.high
    return st.integers(field_type.low, bound)


def _arrays(field_type: Pcm) -> st.SearchStrategy[np.ndarray]:
    channels_and_frames = st.tuples(st.integers(1, 2), st.integers(1, 20))
    shapes = channels_and_frames if field_type.axes == 2 else channels_and_frames.map((2,).__add__)
    return hnp.arrays(np.float32, shapes, elements=samples)


def _stem_lists(field_type: Names) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(names, min_size=field_type.low, max_size=8, unique=True).map(tuple)


def _gains(field_type: Gains) -> st.SearchStrategy[dict[str, float]]:
    gains_db = st.floats(field_type.low_db, field_type.high_db)
    return st.dictionaries(names, gains_db, max_size=8)


STRATEGIES = {
    Integer: _integers,
    Flag: lambda _: st.booleans(),
    Text: lambda field_type: names if field_type.low else texts,
    Code: lambda _: st.from_regex(r"E[0-9]{3}", fullmatch=True),
    Names: _stem_lists,
    Gains: _gains,
    Maybe: lambda field_type: st.none() | values_of(field_type.inner),
    Record: lambda field_type: records(field_type.cls),
    Records: lambda field_type: st.lists(records(field_type.cls), max_size=3).map(tuple),
    Pcm: _arrays,
}


def values_of(field_type: FieldType) -> st.SearchStrategy:
    return STRATEGIES[type(field_type)](field_type)


def records(cls: type) -> st.SearchStrategy:
    fields = {spec.name: values_of(spec.type) for spec in fields_of(cls)}
    if cls is Stems:
        fields["stems"] = st.lists(names, min_size=2, max_size=2, unique=True).map(tuple)
    return st.builds(cls, **fields)


messages = st.one_of([records(cls) for cls in get_args(Message)])


def same(left: Message, right: Message) -> bool:
    """Compare by value; arrays have no plain equality."""
    pairs = [(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left)]
    return type(left) is type(right) and all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs
    )
