"""The short way through audio and stems is the long way, bit for bit and word for word."""

import threading
from unittest import mock

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_strategies import records

from protocol import Audio, Limits, Ping, Preroll, ProtocolError, Stems, codec, decode, encode
from protocol.blocks import block_header, read_block
from protocol.limits import DEFAULT_LIMITS

blocks = records(Audio) | records(Stems)
# One limit at a time, around what the generated blocks need.
RANGES = {
    "maximum_block_frames": (1, 20),
    "maximum_part_frames": (1, 20),
    "maximum_channels": (1, 2),
    "maximum_stems": (1, 3),
    "maximum_name_bytes": (1, 8),
    "maximum_payload_bytes": (1, 200),
}
limits_around = st.one_of(
    [st.builds(Limits, **{name: st.integers(*span)}) for name, span in RANGES.items()]
)
oddities = st.one_of(
    st.sampled_from([None, True, 0, 1, -1, 2, 3, 2**32, 2**53, 2**53 - 1, 1.0, "x", [], {}, [[1]]]),
    st.lists(st.sampled_from(["vocals", "other", "", "vocals", 7]), max_size=3),
)


def long_way():
    """Switch the short way off."""
    return mock.patch.multiple(codec, block_header=lambda *_: None, read_block=lambda *_: None)


def outcome(work, *arguments):
    """Return what comes out, in a form that compares: bytes, a message's text, or an error's."""
    try:
        result = work(*arguments)
    except ProtocolError as error:
        return type(error), str(error)
    if isinstance(result, list):
        return [bytes(frame) for frame in result]
    samples = getattr(result, "samples", np.zeros(0))
    return repr(result), samples.shape, samples.dtype, samples.tobytes()


@settings(max_examples=500)
@given(blocks, limits_around | st.just(DEFAULT_LIMITS))
def test_both_ways_write_the_same_bytes(message, limits):
    with long_way():
        expected = outcome(encode, message, limits)
    assert outcome(encode, message, limits) == expected


@settings(max_examples=500)
@given(blocks, limits_around | st.just(DEFAULT_LIMITS))
def test_both_ways_read_the_same_message(message, limits):
    frames = encode(message)
    with long_way():
        expected = outcome(decode, frames, limits)
    assert outcome(decode, frames, limits) == expected


@settings(max_examples=500)
@given(blocks, st.data())
def test_both_ways_say_the_same_of_a_wrong_header(message, data):
    packed, payload = encode(message)
    header = msgpack.unpackb(packed)
    for key in data.draw(st.lists(st.sampled_from([*header, "colour"]), min_size=1, max_size=3)):
        if data.draw(st.booleans()):
            header.pop(key, None)
        else:
            header[key] = data.draw(oddities)
    payload = (bytes(payload) + bytes(4))[: data.draw(st.sampled_from([-4, -4, None, 0, -5, 4]))]
    frames = [msgpack.packb(header), payload][: data.draw(st.sampled_from([2, 2, 2, 1]))]
    with long_way():
        expected = outcome(decode, frames)
    assert outcome(decode, frames) == expected


@given(blocks)
def test_a_proper_block_takes_the_short_way(message):
    header = block_header(message, DEFAULT_LIMITS)
    assert header is not None
    _, payload = encode(message)
    received = header | {"stems": list(header["stems"])} if "stems" in header else header
    read = read_block(received, payload, DEFAULT_LIMITS)
    assert repr(read) == repr(message)
    assert read.samples.tobytes() == message.samples.tobytes()


@pytest.mark.parametrize(
    "message", [Ping(1), Preroll(1, 0, np.zeros((2, 8), np.float32))], ids=["ping", "preroll"]
)
def test_other_messages_take_the_long_way(message):
    assert block_header(message, DEFAULT_LIMITS) is None
    header, *payload = encode(message)
    assert read_block(msgpack.unpackb(header), *payload or [b""], DEFAULT_LIMITS) is None


def test_samples_that_do_not_lie_in_a_row_are_written_in_order():
    apart = np.arange(24, dtype=np.float32).reshape(3, 8).T[:2, ::-1]
    _, payload = encode(Audio(1, 0, 0, apart))
    assert bytes(payload) == np.ascontiguousarray(apart).tobytes()


def test_pcm_is_looked_at_and_not_copied():
    header, payload = encode(Audio(1, 0, 0, np.zeros((2, 8), np.float32)))
    buffer = bytearray(payload)
    message = decode([header, buffer])
    buffer[0:4] = np.float32(0.5).tobytes()
    assert message.samples[0, 0] == 0.5


def test_threads_that_encode_at_once_do_not_mix_their_bytes():
    wrong = []

    def encode_many(stream):
        message = Audio(stream, 0, 0, np.full((1, 4), stream, np.float32))
        expected = [bytes(frame) for frame in encode(message)]
        again = ([bytes(frame) for frame in encode(message)] for _ in range(2000))
        wrong.extend(stream for frames in again if frames != expected)

    threads = [threading.Thread(target=encode_many, args=(n,)) for n in (1, 70000, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_stems_of_a_server_that_counts_nothing_take_the_short_way_and_have_zeros():
    header, payload = encode(Stems(1, 0, 0, ("mix",), np.zeros((1, 2, 8), np.float32), 5, 6))
    bare = msgpack.unpackb(header)
    del bare["dropped_frames"], bare["compute_us"]
    read = read_block(bare, payload, DEFAULT_LIMITS)
    assert (read.dropped_frames, read.compute_us) == (0, 0)


@pytest.mark.parametrize(
    ("limit", "needed"),
    [
        ("maximum_part_frames", 8),
        ("maximum_channels", 2),
        ("maximum_stems", 3),
        ("maximum_name_bytes", 6),
        ("maximum_payload_bytes", 4 * 3 * 2 * 8),
    ],
)
def test_the_short_way_ends_where_a_limit_does(limit, needed):
    message = Stems(1, 0, 0, ("vocals", "drums", "mix"), np.zeros((3, 2, 8), np.float32))
    header, payload = encode(message)
    for value, is_short in ((needed, True), (needed - 1, False)):
        limits = Limits(**{limit: value})
        assert (block_header(message, limits) is not None) == is_short
        assert (read_block(msgpack.unpackb(header), payload, limits) is not None) == is_short


@pytest.mark.parametrize("cut", [-4, -1, 1, 4])
def test_the_short_way_takes_pcm_of_the_right_length_only(cut):
    header, payload = encode(Audio(1, 0, 0, np.zeros((2, 8), np.float32)))
    payload = (bytes(payload) + bytes(4))[: 64 + cut]
    assert read_block(msgpack.unpackb(header), payload, DEFAULT_LIMITS) is None


@pytest.mark.parametrize("frames", [0, -8, 8.0, True, None])
def test_the_short_way_takes_lengths_of_one_or_more_only(frames):
    header, payload = encode(Audio(1, 0, 0, np.zeros((2, 8), np.float32)))
    wrong = msgpack.unpackb(header) | {"frames": frames}
    for pcm in (payload, b""):
        assert read_block(wrong, pcm, DEFAULT_LIMITS) is None


def test_stems_without_any_are_left_to_the_long_way():
    header, _ = encode(Stems(1, 0, 0, ("mix",), np.zeros((1, 2, 8), np.float32)))
    none = msgpack.unpackb(header) | {"stems": []}
    assert read_block(none, b"", DEFAULT_LIMITS) is None
