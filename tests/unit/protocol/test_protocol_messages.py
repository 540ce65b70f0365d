"""Messages are checked where they are made, by their declared ranges."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    MAJOR,
    Audio,
    Close,
    Error,
    Hello,
    InvalidField,
    Latency,
    Message,
    Open,
    Opened,
    Ping,
    Preroll,
    Seek,
    Set,
    Stems,
    UnsupportedVersion,
    Welcome,
    check_major,
)
from protocol.fields import Integer, fields_of

MONO = np.zeros((1, 4), np.float32)


@pytest.mark.parametrize("cls", get_args(Message))
def test_messages_are_frozen_and_say_their_kind(cls):
    assert cls.__name__.lower() == cls.kind
    assert cls.__dataclass_params__.frozen
    assert not hasattr(cls, "__dict__") or "__slots__" in vars(cls)


@pytest.mark.parametrize(
    ("make", "largest", "label"),
    [
        (Close, 2**32 - 1, "close.stream"),
        (lambda n: Seek(0, n), 2**53 - 1, "seek.position_samples"),
        (lambda n: Audio(0, n, 0, MONO), 2**53 - 1, "audio.sequence"),
        (Ping, 2**64 - 1, "ping.token"),
        (lambda n: Hello(n, 0, ""), 65535, "hello.major"),
        (lambda n: Latency(0, 0, 0, n), 2**53 - 1, "Latency.resampler"),
    ],
)
def test_integers_hold_from_zero_to_their_largest(make, largest, label):
    make(0)
    make(largest)
    for value in (-1, largest + 1):
        with pytest.raises(InvalidField, match=f"{label}: {value} given; int, 0 to {largest}"):
            make(value)


@pytest.mark.parametrize("field", ["rate_hz", "channels", "max_block_frames"])
def test_what_must_be_one_or_more_is_not_zero(field):
    good = Open(0, 44100, 2, 256)
    assert dataclasses.replace(good, **{field: 1})
    with pytest.raises(InvalidField, match=rf"open\.{field}: 0 given; int, 1 to"):
        dataclasses.replace(good, **{field: 0})


@given(value=st.one_of(st.booleans(), st.floats(), st.text(), st.none(), st.binary()))
def test_integers_are_of_type_int(value):
    with pytest.raises(InvalidField, match=r"seek\.position_samples"):
        Seek(0, value)


INTEGER_FIELDS = [
    spec for cls in get_args(Message) for spec in fields_of(cls) if isinstance(spec.type, Integer)
]


@given(spec=st.sampled_from(INTEGER_FIELDS), data=st.data())
def test_the_short_way_accepts_what_the_type_accepts(spec, data):
    low, high = spec.whole
    value = data.draw(st.sampled_from([low - 1, low, high, high + 1]) | st.integers())
    try:
        spec.type.check(spec.label, value)
    except InvalidField:
        assert not low <= value <= high
    else:
        assert low <= value <= high


@pytest.mark.parametrize("cls", get_args(Message))
def test_no_integer_takes_the_short_way_into_another_type(cls):
    for spec in fields_of(cls):
        low, high = spec.whole
        assert isinstance(spec.type, Integer) == (low <= high)


def test_numpy_integers_are_refused_with_their_type():
    with pytest.raises(InvalidField, match="int64 given; int,"):
        Seek(0, np.int64(3))


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 4)),
        np.zeros((2, 4), np.int16),
        np.zeros(4, np.float32),
        np.zeros((1, 2, 4), np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros((0, 4), np.float32),
        [[0.0]],
    ],
)
@pytest.mark.parametrize("cls", [Audio, Preroll])
def test_samples_must_be_planar_float32(cls, samples):
    values = {"stream": 0, "position_samples": 0, "samples": samples}
    with pytest.raises(InvalidField, match=rf"{cls.kind}\.samples: .* given; .*float32"):
        cls(**values, **({"sequence": 0} if cls is Audio else {}))


def test_stems_must_be_as_many_as_their_names():
    samples = np.zeros((2, 1, 4), np.float32)
    assert Stems(0, 0, 0, ("a", "b"), samples)
    for names in (("a",), ("a", "b", "c")):
        with pytest.raises(InvalidField, match=f"2 stems given; the {len(names)} named"):
            Stems(0, 0, 0, names, samples)


@pytest.mark.parametrize("names", [["a"], ("a", "a"), ("",), (1,), (["a"],), ("\ud800",), "ab"])
def test_names_are_a_tuple_of_different_texts(names):
    with pytest.raises(InvalidField, match=r"open\.stems"):
        Open(0, 44100, 2, 256, stems=names)


@pytest.mark.parametrize("model", ["", 5, "\ud800"])
def test_a_model_to_switch_to_has_a_name(model):
    with pytest.raises(InvalidField, match=r"set\.model"):
        Set(0, model=model)


@pytest.mark.parametrize("gain_db", [-120.0, 24.0, 0, -0.0])
def test_gains_hold_in_range(gain_db):
    assert Set(0, {"vocals": gain_db}).gains_db == {"vocals": gain_db}


@pytest.mark.parametrize("gain_db", [-120.5, 24.5, float("nan"), float("-inf"), 10**400, True])
def test_gains_out_of_range_are_refused(gain_db):
    with pytest.raises(InvalidField, match=r"set\.gains_db\['vocals'\]"):
        Set(0, {"vocals": gain_db})


@pytest.mark.parametrize(
    "code", ["", "E1", "E1234", "X101", "E10x", "E\N{SUPERSCRIPT ONE}01", 101, None]
)
def test_codes_are_e_and_three_digits(code):
    with pytest.raises(InvalidField, match=r"error\.code"):
        Error(code, "why")


def test_nested_maps_are_of_their_class():
    with pytest.raises(InvalidField, match=r"opened\.latency: dict given; map, Latency"):
        Opened(0, "m", "live", ("a",), {"hop": 1}, 0, 0, 0)
    with pytest.raises(InvalidField, match=r"welcome\.models: tuple given; list of map"):
        Welcome(1, 0, "", ("rocknet",), "", 1, 1, 1, 1, 1)


def test_latency_is_the_sum_of_its_terms():
    assert Latency(hop=512, synthesis_overlap=512, look_ahead=30, resampler=7).total == 1061


def test_major_versions_must_match():
    check_major(MAJOR)
    for other in (MAJOR - 1, MAJOR + 1):
        with pytest.raises(UnsupportedVersion, match=rf"version {other}, this side {MAJOR}\."):
            check_major(other)
