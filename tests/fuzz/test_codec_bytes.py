"""Whatever the bytes, only a ProtocolError escapes, and what decodes can be encoded again."""

import random

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import ProtocolError, decode, encode
from protocol.golden import VECTORS, unpack_frames

MUTATIONS = 20_000
INTERESTING = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0xA0, 0xC0, 0xC1, 0xC4, 0xC7, 0xCA, 0xD4, 0xDF, 0xFF]
GOLDEN = [unpack_frames(path.read_bytes()) for path in sorted(VECTORS.glob("*.bin"))]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
trees = st.recursive(
    scalars | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def outcome(frames):
    """Return the message or the protocol's error; anything else escapes and fails the test."""
    try:
        message = decode(frames)
    except ProtocolError as error:
        return error
    again = [bytes(frame) for frame in encode(message)]
    assert [bytes(frame) for frame in encode(decode(again))] == again
    return message


def flip(data, random_):
    data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)


def plant(data, random_):
    data[random_.randrange(len(data))] = random_.choice(INTERESTING)


def cut(data, random_):
    del data[random_.randrange(len(data)) :]


def remove(data, random_):
    start = random_.randrange(len(data))
    del data[start : start + random_.randint(1, 4)]


def insert(data, random_):
    start = random_.randrange(len(data) + 1)
    data[start:start] = random_.randbytes(random_.randint(1, 4))


def repeat(data, random_):
    start = random_.randrange(len(data))
    data[start:start] = data[start : start + random_.randint(1, 16)]


def mutated(frames, random_):
    """Return the frames with one to three mutations, now and then of their number."""
    changed = [bytearray(frame) for frame in frames]
    for _ in range(random_.randint(1, 3)):
        target = random_.choice(changed)
        if target:
            random_.choice([flip, plant, cut, remove, insert, repeat])(target, random_)
    if random_.random() < 0.05:
        changed = random_.choices(changed, k=random_.randint(0, 4))
    return [bytes(frame) for frame in changed]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_golden_messages_raise_only_protocol_errors(seed):
    random_ = random.Random(seed)  # noqa: S311 -- repeatable, not secret
    codes = set()
    for _ in range(MUTATIONS // 4):
        result = outcome(mutated(random_.choice(GOLDEN), random_))
        codes.add(getattr(result, "code", "decoded"))
    assert codes >= {"decoded", "E101", "E102", "E105", "E106"}, "the mutations reach every refusal"


@given(frames=st.lists(st.binary(max_size=200), max_size=4))
@settings(max_examples=500, derandomize=True)
def test_arbitrary_bytes_raise_only_protocol_errors(frames):
    outcome(frames)


@given(golden=st.sampled_from(GOLDEN), data=st.data())
@settings(max_examples=250, derandomize=True)
def test_arbitrary_values_in_known_fields_raise_only_protocol_errors(golden, data):
    header = msgpack.unpackb(golden[0]) if golden[0] != b"\x01" else {"type": "hello"}
    keys = data.draw(st.lists(st.sampled_from(sorted(header)), min_size=1))
    changed = header | {key: data.draw(trees) for key in keys}
    outcome([msgpack.packb(changed), *golden[1:]])


@pytest.mark.parametrize("depth", [10, 500, 511, 512, 1000, 1024, 5000, 60000])
@pytest.mark.parametrize("nest", [b"\x91", b"\x81\xa1x"])
def test_deep_nesting_is_an_error_not_a_crash(depth, nest):
    depth = min(depth, 65000 // len(nest))
    header = b"\x83\xa4type\xa4ping\xa5token\x01\xa1x" + nest * depth + b"\xc0"
    outcome([header])
