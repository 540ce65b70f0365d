"""The C msgpack and UTF-8 against Python's: what one takes the other takes, and as the same."""

import ctypes as c
import math

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from native_parts import parts

from protocol.limits import Limits

NIL, BOOLEAN, UNSIGNED, NEGATIVE, FLOAT, TEXT, ARRAY, MAP = range(8)
DEPTH = 16
LIMITS = Limits()


class Pairs(list):
    """A map as it came, with its doublets."""


class RefusedError(Exception):
    """What headers may not hold."""


def check(value, depth=0):
    """Raise RefusedError for what the header allows nowhere (PROTOCOL.md section 2)."""
    if isinstance(value, str):
        if len(value.encode()) > LIMITS.maximum_text_bytes:
            raise RefusedError
    elif isinstance(value, list):
        if len(value) > LIMITS.maximum_list_items or (value and depth == DEPTH):
            raise RefusedError
        for item in value:
            check_pair(item, depth + 1) if isinstance(value, Pairs) else check(item, depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise RefusedError
    elif value is not None and not isinstance(value, bool | int):
        raise RefusedError


def check_pair(pair, depth):
    if not isinstance(pair[0], str):
        raise RefusedError
    check(pair[0], depth)
    check(pair[1], depth)


def reference(data):
    """Return where the first value ends, or -1, as Python's msgpack and the rules say."""
    unpacker = msgpack.Unpacker(object_pairs_hook=Pairs, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(data)
    try:
        check(unpacker.unpack())
    except (ValueError, msgpack.exceptions.UnpackException, RefusedError, RecursionError):
        return -1
    return unpacker.tell()


def skipped(data):
    return parts().probe_msgpack_skip(data, len(data))


def heads(value):
    """Return types and numbers in the order of their heads."""
    match value:
        case bool():
            return [BOOLEAN, int(value)]
        case int():
            return [UNSIGNED, value] if value >= 0 else [NEGATIVE, 0]
        case str():
            return [TEXT, len(value.encode())]
        case list():
            return [ARRAY, len(value), *[head for item in value for head in heads(item)]]
        case dict():
            return [MAP, len(value), *[h for pair in value.items() for v in pair for h in heads(v)]]
    return [NIL if value is None else FLOAT, 0]


integers = st.integers(-(2**63), 2**64 - 1) | st.sampled_from(
    [
        s * 2**e + d
        for e in (7, 8, 15, 16, 31, 32, 63)
        for d in (-1, 0)
        for s in (1, -1)
        if s * 2**e + d >= -(2**63)
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=8), inner, max_size=20)
    ),
    max_leaves=30,
)


@given(value=values)
def test_what_python_packs_is_read_as_what_it_was(value):
    data = msgpack.packb(value)
    seen = (c.c_uint64 * 4096)()
    count = parts().probe_msgpack_heads(data, len(data), seen, 4096)
    assert list(seen[:count]) == heads(value)
    assert skipped(data) == len(data)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_only_the_highest_bit_of_a_signed_number_is_its_sign(width, signed):
    """Others may write a positive number as a signed one; Python's msgpack never does."""
    head = bytes([(0xD0 if signed else 0xCC) + width.bit_length() - 1])
    for bit in range(8 * width):
        data = head + (1 << bit).to_bytes(width)
        seen = (c.c_uint64 * 2)()
        assert parts().probe_msgpack_heads(data, len(data), seen, 2) == 2
        negative = signed and bit == 8 * width - 1
        assert list(seen) == ([NEGATIVE, 0] if negative else [UNSIGNED, 1 << bit])


@given(value=values, behind=st.binary(max_size=3))
def test_a_value_ends_where_it_ends_and_not_before(value, behind):
    data = msgpack.packb(value)
    assert skipped(data + behind) == len(data)
    for cut in range(len(data)):
        assert skipped(data[:cut]) == -1


@given(data=st.binary(max_size=60))
@example(data=b"\xd6\xff\x00\x00\x00\x00")  # a timestamp
@example(data=b"\xc4\x01a")  # binary
@example(data=b"\x81\x01\x02")  # a key that is no text
@example(data=b"\xca\x7f\x80\x00\x00")  # infinity
@example(data=b"\xcb\x7f\xf8" + bytes(6))  # not a number
@example(data=b"\xdd\xff\xff\xff\xff")
@example(data=b"\xc1")
def test_noise_is_taken_where_python_takes_it(data):
    assert skipped(data) == reference(data)


@given(value=values, damage=st.data())
def test_damage_is_taken_where_python_takes_it(value, damage):
    data = bytearray(msgpack.packb(value))
    for _ in range(damage.draw(st.integers(1, 3))):
        data[damage.draw(st.integers(0, len(data) - 1))] = damage.draw(st.integers(0, 255))
    assert skipped(bytes(data)) == reference(bytes(data))


def nested(depth, inner=1):
    for i in range(depth):
        inner = [inner] if i % 2 else {"k": inner}
    return inner


@pytest.mark.parametrize(
    ("allowed", "one_more"),
    [
        ("x" * LIMITS.maximum_text_bytes, "x" * (LIMITS.maximum_text_bytes + 1)),
        ([0] * LIMITS.maximum_list_items, [0] * (LIMITS.maximum_list_items + 1)),
        ({str(i): i for i in range(64)}, {str(i): i for i in range(65)}),
        (nested(DEPTH), nested(DEPTH + 1)),
        (nested(DEPTH, []), nested(DEPTH, [[]])),
    ],
    ids=["text", "array", "map", "depth", "empty depth"],
)
def test_limits_hold_to_the_one(allowed, one_more):
    data = msgpack.packb(allowed)
    assert skipped(data) == reference(data) == len(data)
    assert skipped(msgpack.packb(one_more)) == -1


class Writer(c.Structure):
    _fields_ = [
        ("bytes", c.c_void_p),
        ("capacity", c.c_size_t),
        ("length", c.c_size_t),
        ("overflow", c.c_bool),
    ]


def written(kind, value, capacity=1 << 17):
    """Return what the C writer writes into so many bytes; None: it did not fit."""
    room = c.create_string_buffer(capacity + 8)
    writer = Writer(c.addressof(room), capacity)
    getattr(parts(), f"msgpack_write_{kind}")(c.byref(writer), value)
    assert room.raw[writer.length :] == bytes(capacity + 8 - writer.length)
    return None if writer.overflow else room.raw[: writer.length]


@given(value=integers.filter(lambda value: value >= 0))
def test_integers_are_written_as_short_as_msgpack_allows(value):
    assert written("integer", value) == msgpack.packb(value)


@pytest.mark.parametrize("count", [0, 15, 16, 31, 32, 255, 256, 1000, 65535])
def test_texts_and_lists_are_written_as_short_as_msgpack_allows(count):
    assert written("text", b"x" * count) == msgpack.packb("x" * count)
    assert written("array", count) == msgpack.Packer().pack_array_header(count)
    assert written("map", count) == msgpack.Packer().pack_map_header(count)
    assert written("boolean", bool(count)) == msgpack.packb(bool(count))


@given(text=st.text(max_size=300).filter(lambda text: "\0" not in text))
def test_what_does_not_fit_is_not_written(text):
    whole = msgpack.packb(text)
    assert written("text", text.encode(), len(whole)) == whole
    assert written("text", text.encode(), len(whole) - 1) is None


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_every_pair_of_bytes_and_every_start_of_four_is_utf8_where_python_says_so():
    valid = parts().utf8_is_valid
    pairs = [bytes([a, b]) for a in range(256) for b in range(256)]
    starts = [
        p + tail for p in pairs if p[0] >= 0xE0 for tail in (b"\x80", b"\xbf\x80", b"\x80\xc0")
    ]
    for data in pairs + starts:
        assert valid(data, len(data)) == is_utf8(data), data


@given(text=st.text(max_size=60), junk=st.binary(max_size=4), limit=st.integers(0, 100))
def test_text_is_cut_between_characters_and_no_sooner(text, junk, limit):
    data = text.encode()
    assert parts().utf8_is_valid(data + junk, len(data + junk)) == is_utf8(data + junk)
    kept = parts().utf8_cut(data, len(data), limit)
    assert kept <= min(limit, len(data))
    assert is_utf8(data[:kept])
    assert kept == len(data) or not any(is_utf8(data[:more]) for more in range(kept + 1, limit + 1))
