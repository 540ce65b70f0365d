"""Each limit at n is accepted, at n + 1 refused with its code, its name and the value."""

import tracemalloc
from dataclasses import asdict, replace

import msgpack
import numpy as np
import pytest

from protocol import (
    DEFAULT_LIMITS,
    Audio,
    Error,
    Hello,
    LimitExceeded,
    Limits,
    ModelInfo,
    Open,
    Ping,
    Preroll,
    ProtocolError,
    ServerFull,
    Set,
    Stems,
    UnsupportedRate,
    Welcome,
    decode,
    encode,
)

SMALL = Limits(
    maximum_header_bytes=400,
    maximum_payload_bytes=96,
    maximum_block_frames=10,
    maximum_part_frames=12,
    maximum_stems=3,
    maximum_list_items=16,
    maximum_name_bytes=5,
    maximum_text_bytes=64,
)
GENEROUS = Limits(maximum_channels=8)


def silence(*shape):
    return np.zeros(shape, np.float32)


def named(count):
    return tuple(f"s{i}" for i in range(count))


def model(name="m", stems=("a",)):
    return ModelInfo(name, stems, 44100, ())


def welcome(*models):
    return Welcome(1, 0, "", models, "", 1, 1, 1, 1, 1)


SIZED = {
    "audio frames": ("maximum_block_frames", 10, lambda n: Audio(1, 0, 0, silence(1, n))),
    "open frames": ("maximum_block_frames", 10, lambda n: Open(1, 44100, 1, n)),
    "audio channels": ("maximum_channels", 2, lambda n: Audio(1, 0, 0, silence(n, 1))),
    "open channels": ("maximum_channels", 2, lambda n: Open(1, 44100, n, 1)),
    "preroll frames": ("maximum_part_frames", 12, lambda n: Preroll(1, 0, silence(1, n))),
    "preroll bytes": (
        "maximum_payload_bytes",
        96,
        lambda n: Stems(1, 0, 0, named(3), silence(3, 1, 8 + (n > 96))),
    ),
    "stems frames": (
        "maximum_part_frames",
        12,
        lambda n: Stems(1, 0, 0, ("a",), silence(1, 1, n)),
    ),
    "stems": ("maximum_stems", 3, lambda n: Stems(1, 0, 0, named(n), silence(n, 1, 1))),
    "open stems": ("maximum_stems", 3, lambda n: Open(1, 44100, 1, 1, stems=named(n))),
    "mute": ("maximum_stems", 3, lambda n: Set(1, mute=named(n))),
    "gains": ("maximum_stems", 3, lambda n: Set(1, dict.fromkeys(named(n), 0.0))),
    "model stems": ("maximum_stems", 3, lambda n: welcome(model(stems=named(n)))),
    "capabilities": ("maximum_list_items", 16, lambda n: Hello(1, 0, "", named(n))),
    "model name": ("maximum_name_bytes", 5, lambda n: Open(1, 44100, 1, 1, "m" * n)),
    "two-byte letters": (
        "maximum_name_bytes",
        5,
        lambda n: Set(1, model="ä" * (n // 2) + "a" * (n % 2)),
    ),
    "stem name": ("maximum_name_bytes", 5, lambda n: Set(1, solo=("s" * n,))),
    "gain name": ("maximum_name_bytes", 5, lambda n: Set(1, {"s" * n: 0.0})),
    "nested name": ("maximum_name_bytes", 5, lambda n: welcome(model("m" * n))),
    "reason": ("maximum_text_bytes", 64, lambda n: Error("E100", "x" * n)),
}


@pytest.mark.parametrize("case", SIZED)
def test_encode_and_decode_accept_n_and_refuse_one_more(case):
    limit, bound, make = SIZED[case]
    assert decode(encode(make(bound), SMALL), SMALL)
    too_large = make(bound + 1)
    with pytest.raises(LimitExceeded, match=rf"{limit} is \d+"):
        encode(too_large, SMALL)
    frames = encode(too_large, GENEROUS)
    with pytest.raises(LimitExceeded, match=rf"{limit} is \d+"):
        decode(frames, SMALL)


def test_frames_per_message():
    with pytest.raises(LimitExceeded, match="is 3: maximum_frames_per_message is 2"):
        decode([*encode(Audio(1, 0, 0, silence(1, 1))), b""])


def ping_of(header_bytes):
    """Return a ping whose header has just that many bytes, filled up by an unknown field."""
    shortest = len(msgpack.packb({"type": "ping", "token": 1, "x": ["", ""]}))
    fill = header_bytes - shortest
    return msgpack.packb(
        {"type": "ping", "token": 1, "x": ["y" * min(fill, 20), "z" * max(fill - 20, 0)]}
    )


def test_header_bytes():
    limits = replace(SMALL, maximum_header_bytes=50)
    assert len(ping_of(50)) == 50
    assert decode([ping_of(50)], limits) == Ping(1)
    with pytest.raises(LimitExceeded, match="is 51 bytes: maximum_header_bytes is 50"):
        decode([ping_of(51)], limits)
    with pytest.raises(LimitExceeded, match="maximum_header_bytes is 17"):
        encode(Ping(1), Limits(maximum_header_bytes=17))


def test_payload_is_refused_before_it_is_read():
    header = encode(Audio(1, 0, 0, silence(1, 1)))[0]
    with pytest.raises(LimitExceeded, match="is 97 bytes: maximum_payload_bytes is 96"):
        decode([header, bytes(97)], SMALL)


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (["x"] * 17, "maximum_list_items is 16"),
        ({str(i): i for i in range(17)}, "maximum_list_items is 16"),
        ("x" * 65, "maximum_text_bytes is 64"),
    ],
)
def test_unknown_fields_are_bounded_too(value, limit):
    with pytest.raises(LimitExceeded, match=limit):
        decode([msgpack.packb({"type": "ping", "token": 1, "x": value})], SMALL)


@pytest.mark.parametrize(
    "claim", [b"\xdf", b"\xdd", b"\xdb", b"\xc6", b"\xc9", b"\x81\xa4type\xdd"]
)
def test_lengths_that_lie_cost_no_memory(claim):
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            decode([claim + b"\xff" * 4])
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_rates():
    DEFAULT_LIMITS.check_rate(8000)
    DEFAULT_LIMITS.check_rate(192000)
    for rate_hz in (7999, 192001):
        with pytest.raises(UnsupportedRate, match=f"{rate_hz} Hz: 8000 to 192000 Hz") as caught:
            DEFAULT_LIMITS.check_rate(rate_hz)
        assert caught.value.code == "E206"


def test_preroll_in_all():
    DEFAULT_LIMITS.check_preroll(1536000)
    with pytest.raises(LimitExceeded, match="is 1536001: maximum_preroll_frames is 1536000"):
        DEFAULT_LIMITS.check_preroll(1536001)


def test_numbers_of_streams():
    DEFAULT_LIMITS.check_streams(of_peer=64, in_all=256)
    with pytest.raises(ServerFull, match="maximum_streams_per_peer is 64"):
        DEFAULT_LIMITS.check_streams(of_peer=65, in_all=65)
    with pytest.raises(ServerFull, match="maximum_streams is 256"):
        DEFAULT_LIMITS.check_streams(of_peer=1, in_all=257)


def test_limits_that_allow_nothing_are_refused():
    for name in asdict(DEFAULT_LIMITS):
        with pytest.raises(ValueError, match=name):
            replace(DEFAULT_LIMITS, **{name: 0})
    with pytest.raises(ValueError, match="above"):
        Limits(minimum_rate_hz=48001, maximum_rate_hz=48000)


def test_the_largest_block_of_stems_fits_the_payload():
    largest = silence(16, 2, DEFAULT_LIMITS.maximum_part_frames)
    header, pcm = encode(Stems(1, 0, 0, named(16), largest))
    assert pcm.nbytes == DEFAULT_LIMITS.maximum_payload_bytes
    assert decode([header, pcm]).samples.shape == largest.shape


@pytest.mark.parametrize(
    ("limit", "least"),
    [("maximum_frames_per_message", 2), ("maximum_list_items", 16), ("maximum_text_bytes", 64)],
)
def test_a_limit_leaves_room_for_every_header_of_this_version(limit, least):
    assert getattr(Limits(**{limit: least}), limit) == least
    with pytest.raises(ValueError, match=f"{limit} is {least - 1}: {least} or more"):
        Limits(**{limit: least - 1})
