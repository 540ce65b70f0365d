"""What the codec promises to those who send right, and how it refuses those who do not."""

import struct
from typing import get_args

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_strategies import messages, same

from protocol import (
    Audio,
    Error,
    InvalidField,
    LimitExceeded,
    MalformedFrame,
    Message,
    MessageKind,
    Open,
    Ping,
    Preroll,
    Set,
    Stems,
    UnknownMessage,
    decode,
    encode,
)

STEREO = np.arange(8, dtype=np.float32).reshape(2, 4)


def header_of(message: Message) -> dict:
    return msgpack.unpackb(encode(message)[0])


def with_header(message: Message, **changes) -> list[bytes]:
    header = header_of(message) | changes
    return [msgpack.packb(header), *map(bytes, encode(message)[1:])]


def without(message: Message, key: str) -> list[bytes]:
    header = header_of(message)
    del header[key]
    return [msgpack.packb(header), *map(bytes, encode(message)[1:])]


@given(message=messages)
def test_decode_gives_back_what_was_encoded(message):
    frames = [bytes(frame) for frame in encode(message)]
    decoded = decode(frames)
    assert same(decoded, message)
    assert [bytes(frame) for frame in encode(decoded)] == frames


@given(message=messages, unknown=st.dictionaries(st.text("xyz", min_size=1), st.integers(0, 9)))
def test_unknown_fields_are_ignored(message, unknown):
    assert same(decode(with_header(message, **unknown)), message)


@given(message=messages)
def test_order_of_keys_does_not_matter(message):
    header, *pcm = encode(message)
    backwards = dict(reversed(msgpack.unpackb(header).items()))
    assert same(decode([msgpack.packb(backwards), *pcm]), message)


def test_every_kind_has_its_message():
    assert {cls.kind for cls in get_args(Message)} == set(MessageKind)


def test_samples_are_not_copied_in_either_direction():
    pcm = encode(Audio(1, 0, 0, STEREO))[1]
    assert np.shares_memory(np.frombuffer(pcm, np.float32), STEREO)
    payload = bytearray(bytes(pcm))
    decoded = decode([encode(Audio(1, 0, 0, STEREO))[0], payload])
    payload[:4] = struct.pack("<f", 0.75)
    assert decoded.samples[0, 0] == 0.75


def test_pcm_is_planar_little_endian_and_outside_of_the_header():
    header, pcm = encode(Stems(1, 0, 0, ("a", "b"), np.stack([STEREO, 2 * STEREO])))
    assert bytes(pcm) == struct.pack("<16f", *range(8), *range(0, 16, 2))
    assert set(msgpack.unpackb(header)).isdisjoint({"samples", "pcm"})


def test_strided_samples_are_packed():
    decoded = decode(encode(Audio(1, 0, 0, STEREO[:, ::2])))
    assert np.array_equal(decoded.samples, STEREO[:, ::2])


def test_unaligned_buffers_are_read():
    header, pcm = encode(Audio(1, 0, 0, STEREO))
    shifted = memoryview(b"x" + bytes(pcm))[1:]
    assert np.array_equal(decode([header, shifted]).samples, STEREO)


def test_absent_optional_field_takes_its_default():
    assert decode(without(Open(1, 44100, 2, 256, "rocknet"), "model")) == Open(1, 44100, 2, 256)


def test_nil_is_absence_where_the_default_is_absent():
    assert decode(with_header(Error("E100", "x", 3), stream=None)) == Error("E100", "x")


def test_whole_decibels_are_taken():
    assert decode(with_header(Set(1), gains_db={"vocals": -6})) == Set(1, {"vocals": -6.0})


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "no msgpack map"),
        (b"\xc1", "no msgpack map"),
        (b"\x91" * 3000 + b"\xc0", "no msgpack map"),
        (msgpack.packb({"type": "ping", "token": 1}) + b"x", "extra data"),
        (msgpack.packb(["ping", 1]), "a msgpack map required"),
        (msgpack.packb({"type": "ping", "token": 1, 5: 6}), "text keys"),
        (b"\x82\xa4type\xa4ping\xa5token\xa2\xff\xff", "utf-8"),
        (msgpack.packb({"type": "ping", "token": b"123"}), "binary or extension"),
        (msgpack.packb({"type": "ping", "token": msgpack.ExtType(5, b"abc")}), "binary or exten"),
        (msgpack.packb({"type": "ping", "x": msgpack.Timestamp(1)}), "binary or extension"),
        (b"\x82\xa4type\xa4ping\xa5token\xc7\x00\x05", "extension 5"),
    ],
)
def test_header_that_is_no_plain_map_is_malformed(header, said):
    with pytest.raises(MalformedFrame, match=said):
        decode([header])


def test_no_frame_is_malformed():
    with pytest.raises(MalformedFrame, match="without frames"):
        decode([])


def test_pcm_must_be_there_only_where_it_belongs():
    with pytest.raises(MalformedFrame, match="audio in 1 frames: 2 required"):
        decode(encode(Audio(1, 0, 0, STEREO))[:1])
    with pytest.raises(MalformedFrame, match="ping in 2 frames: 1 required"):
        decode([encode(Ping(1))[0], b""])


@pytest.mark.parametrize("payload_bytes", [0, 28, 31, 33, 36, 64])
def test_pcm_length_must_be_the_product_of_its_axes(payload_bytes):
    header = encode(Audio(1, 0, 0, STEREO))[0]
    with pytest.raises(MalformedFrame, match=f"{payload_bytes} bytes: 2 x 4 x 4 = 32 required"):
        decode([header, bytes(payload_bytes)])


@pytest.mark.parametrize("kind", ["sing", "", "AUDIO", "x" * 1000])
def test_unknown_type_says_which_there_are(kind):
    with pytest.raises(UnknownMessage, match=r"hello, welcome, .* error required"):
        decode([msgpack.packb({"type": kind})])


@pytest.mark.parametrize("kind", [None, 5, True, ["ping"], {"ping": 1}, 0.5])
def test_type_must_be_text(kind):
    with pytest.raises(InvalidField, match="type is missing or no text"):
        decode([msgpack.packb({"type": kind, "token": 1})])


@pytest.mark.parametrize("key", ["stream", "sequence", "position_samples", "channels", "frames"])
def test_missing_required_field_is_named(key):
    with pytest.raises(InvalidField, match=rf"audio\.{key}"):
        decode(without(Audio(1, 0, 0, STEREO), key))


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, [1], {"a": 1}, float("nan"), 2**60])
@pytest.mark.parametrize("key", ["stream", "sequence", "position_samples", "channels", "frames"])
def test_integers_are_nothing_else(key, value):
    with pytest.raises(InvalidField, match=rf"audio\.{key}"):
        decode(with_header(Audio(1, 0, 0, STEREO), **{key: value}))


@pytest.mark.parametrize("gain_db", [float("nan"), float("inf"), -121, 24.5, True, "0", None])
def test_gains_must_be_finite_and_in_range(gain_db):
    with pytest.raises(InvalidField, match=r"set\.gains_db\['vocals'\].*-120 to 24"):
        decode(with_header(Set(1), gains_db={"vocals": gain_db}))


@pytest.mark.parametrize("names", ["vocals", [1], [["vocals"]], ["a", "a"], [""], {"a": 1}, 3])
@pytest.mark.parametrize("key", ["mute", "solo", "stems"])
def test_lists_of_names_are_checked(key, names):
    with pytest.raises(InvalidField, match=rf"set\.{key}"):
        decode(with_header(Set(1), **{key: names}))


@pytest.mark.parametrize("stems", [None, 3, "ab", [], ["a", "a"], [1, 2], [["a"], ["b"]]])
def test_stems_of_a_block_are_checked_before_its_pcm(stems):
    block = Stems(1, 0, 0, ("a", "b"), np.stack([STEREO, STEREO]))
    with pytest.raises((InvalidField, MalformedFrame)):
        decode(with_header(block, stems=stems))


@pytest.mark.parametrize("last", [0, 1, "true", None])
def test_flags_are_booleans(last):
    with pytest.raises(InvalidField, match=r"preroll\.last.*true or false"):
        decode(with_header(Preroll(1, 0, STEREO), last=last))


def test_text_over_its_limit_is_refused_by_name():
    with pytest.raises(LimitExceeded, match="maximum_text_bytes is 1024"):
        decode(with_header(Error("E100", ""), reason="x" * 1025))
