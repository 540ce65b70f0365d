"""The C codec against the Python one: golden bytes, random messages, and damaged ones."""

import ctypes as c
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_core import CORE, compile_core

from protocol import (
    Audio,
    Close,
    Closed,
    Error,
    Hello,
    Latency,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    Seek,
    Stems,
    StemsError,
    decode,
    encode,
)

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors"
CASES = json.loads((VECTORS / "manifest.json").read_text())
IGNORED = {
    "refused_type.bin",
    "refused_negative_position.bin",
    "refused_pcm_too_short.bin",
}
RECEIVED = {"welcome", "opened", "stems", "ping", "pong", "closed", "error"}
numbers = st.integers(0, 2**53 - 1)
streams = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="session")
def wire(tmp_path_factory):
    sources = [CORE / f"{name}.c" for name in ("wire_encode", "wire_decode", "msgpack", "utf8")]
    sources.append(Path(__file__).with_name("wire_probe.c"))
    output = tmp_path_factory.mktemp("wire") / "wire.so"
    return c.CDLL(str(compile_core(output, "-shared", sources=sources)))


def frames_of(data):
    frames = []
    while data:
        length = int.from_bytes(data[:4], "little")
        frames.append(data[4 : 4 + length])
        data = data[4 + length :]
    return frames


def probe(wire, frames):
    """Return the result's code and the fields as text."""
    text = c.create_string_buffer(4096)
    payload = frames[1] if len(frames) > 1 else None
    size = c.c_size_t(len(payload or b""))
    code = wire.probe_decode(
        frames[0], c.c_size_t(len(frames[0])), payload, size, text, c.c_size_t(4096)
    )
    return code, text.value.decode().split("|")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_golden_vectors(wire, case):
    frames = frames_of((VECTORS / case["file"]).read_bytes())
    if len(frames) > 2:
        pytest.skip("more than two frames never get past zmtp.c")
    code, fields = probe(wire, frames)
    if case["case"] == "refused":
        # Clients ignore kinds that they do not know, or never receive, as long as the map is sound.
        assert (code != 0) == (case["file"] not in IGNORED), (code, fields)
        return
    assert code == 0
    assert (fields[0] != "0") == (case["type"] in RECEIVED)
    if "stream" in case["fields"] and fields[0] != "0":
        assert fields[1] == str(case["fields"]["stream"] or 0)


@given(stream=streams, terms=st.tuples(*[numbers] * 4), rest=st.tuples(*[numbers] * 3))
def test_opened(wire, stream, terms, rest):
    message = Opened(stream, "m", "live", ("vocals", "other"), Latency(*terms), *rest, "ipc:///x")
    code, fields = probe(wire, [bytes(frame) for frame in encode(message)])
    assert code == 0
    assert (fields[1], fields[4]) == (str(stream), ",".join(map(str, terms)))
    assert fields[5:8] == [str(number) for number in rest]
    assert (fields[8], fields[10], fields[11]) == ("ipc:///x", "vocals", "2")


@given(position=numbers, frames=st.integers(1, 50), channels=st.integers(1, 2))
def test_stems(wire, position, frames, channels):
    samples = np.zeros((1, channels, frames), np.float32)
    encoded = [bytes(part) for part in encode(Stems(1, 0, position, ("vocals",), samples))]
    code, fields = probe(wire, encoded)
    assert (code, fields[9], fields[12]) == (0, str(position), str(frames))
    assert probe(wire, [encoded[0], encoded[1][:-1]])[0] == 101
    assert probe(wire, encoded[:1])[0] == 101


def python_refusal(frames):
    """Return the code with which the reference refuses the message; empty if it takes it."""
    try:
        decode(frames)
    except StemsError as error:
        return error.code
    return ""


@given(data=st.data())
def test_damaged_messages_are_refused_where_python_refuses_them(wire, data):
    """Where Python takes a damaged message of ours, C does too; and the other way round."""
    message = data.draw(
        st.sampled_from(
            [
                Opened(1, "m", "live", ("vocals",), Latency(1, 2, 3, 4), 5, 6, 7),
                Closed(1, 2, 3),
                Ping(2**63),
                Pong(9),
                Error("E302", "going", None),
                Stems(1, 0, 5, ("vocals",), np.zeros((1, 1, 4), np.float32)),
            ]
        )
    )
    frames = [bytearray(part) for part in encode(message)]
    for _ in range(data.draw(st.integers(1, 3))):
        frames[0][data.draw(st.integers(0, len(frames[0]) - 1))] = data.draw(st.integers(0, 255))
    frames = [bytes(frame) for frame in frames]
    code, fields = probe(wire, frames)
    refusal = python_refusal(frames)
    # Fields that C does not use are not checked by it, beyond what msgpack allows.
    assert (code == 0) >= (refusal == "")
    assert code != 0 or refusal in {"", "E105", "E106", "E102"} or fields[0] == "0"


@given(data=st.binary(max_size=200))
def test_noise_does_no_harm(wire, data):
    probe(wire, [data])
    probe(wire, [data, data])


class OpenFields(c.Structure):
    _fields_ = [
        ("stream", c.c_uint32),
        ("rate_hz", c.c_uint32),
        ("channels", c.c_uint32),
        ("max_block_frames", c.c_uint32),
        ("profile", c.c_char_p),
        ("stem", c.c_char_p),
        ("freewheel", c.c_bool),
        ("position_samples", c.c_int64),
        ("round_trip_samples", c.c_int64),
    ]


def written(wire, name, *values):
    header = (c.c_uint8 * 2048)()
    length = getattr(wire, f"wire_{name}")(header, *values)
    return bytes(header[:length])


@given(stream=streams, position=numbers, frames=st.integers(1, 300), freewheel=st.booleans())
def test_what_c_writes_is_what_python_writes(wire, stream, position, frames, freewheel):
    s, p = c.c_uint32(stream), c.c_int64(position)
    samples = np.zeros((2, frames), np.float32)
    sequence, two, count = c.c_uint64(position), c.c_uint32(2), c.c_uint32(frames)
    opening = Open(stream, 48000, 2, 256, "", "live", ("vocals",), freewheel, position, 768)
    fields = OpenFields(stream, 48000, 2, 256, b"live", b"vocals", freewheel, position, 768)
    for message, bytes_of_c in [
        (Hello(1, 0, "x" * 40), written(wire, "hello", b"x" * 40)),
        (opening, written(wire, "open", c.byref(fields))),
        (
            Audio(stream, position, position, samples),
            written(wire, "audio", s, sequence, p, two, count),
        ),
        (
            Preroll(stream, position, samples, last=freewheel),
            written(wire, "preroll", s, p, c.c_bool(freewheel), two, count),
        ),
        (Seek(stream, position), written(wire, "seek", s, p)),
        (Close(stream), written(wire, "close", s)),
        (Ping(position), written(wire, "ping", c.c_uint64(position))),
        (Pong(position), written(wire, "pong", c.c_uint64(position))),
    ]:
        assert bytes(encode(message)[0]) == bytes_of_c
