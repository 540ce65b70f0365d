"""The golden bytes on disk are what the codec writes and reads, and what it refuses."""

import json
import struct
from dataclasses import fields

import msgpack
import numpy as np
import pytest

from protocol import MessageKind, ProtocolError, decode, encode
from protocol.golden import EXACT, VECTORS, files, pack_frames, plain, unpack_frames

MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


def cases(*kinds):
    chosen = [entry for entry in MANIFEST if entry["case"] in kinds]
    return pytest.mark.parametrize("entry", chosen, ids=lambda entry: entry["file"])


def frames_of(entry):
    return unpack_frames((VECTORS / entry["file"]).read_bytes())


@cases("exact", "tolerated")
def test_vectors_decode_to_the_values_of_the_manifest(entry):
    message = decode(frames_of(entry))
    assert message.kind == entry["type"]
    assert plain(message) == entry["fields"]


@cases("exact")
def test_exact_vectors_encode_to_the_same_bytes(entry):
    frames = frames_of(entry)
    assert [bytes(frame) for frame in encode(decode(frames))] == frames


@cases("exact")
def test_vectors_say_the_same_without_our_codec(entry):
    data = (VECTORS / entry["file"]).read_bytes()
    (length,) = struct.unpack_from("<I", data)
    header = msgpack.unpackb(data[4 : 4 + length])
    assert header.pop("type") == entry["type"]
    expected = dict(entry["fields"])
    if "samples" in expected:
        samples = np.array(expected.pop("samples"))
        assert (header.pop("channels"), header.pop("frames")) == samples.shape[-2:]
        (pcm_bytes,) = struct.unpack_from("<I", data, 4 + length)
        assert len(data) == 8 + length + pcm_bytes
        values = struct.unpack_from(f"<{pcm_bytes // 4}f", data, 8 + length)
        assert list(values) == samples.ravel().tolist()
    assert header == expected


@cases("refused")
def test_refused_vectors_are_refused_by_their_code(entry):
    with pytest.raises(ProtocolError) as caught:
        decode(frames_of(entry))
    assert caught.value.code == entry["code"]


def test_vectors_on_disk_are_the_generated_ones():
    on_disk = {path.name: path.read_bytes() for path in VECTORS.iterdir()}
    assert on_disk == files(), "run `python -m protocol.golden`"


def test_every_kind_has_an_exact_vector():
    assert {message.kind for message in EXACT.values()} == set(MessageKind)


def test_every_optional_field_is_set_in_some_vector():
    for kind in MessageKind:
        of_kind = [message for message in EXACT.values() if message.kind == kind]
        for field in fields(of_kind[0]):
            values = [getattr(message, field.name) for message in of_kind]
            assert any(value not in (field.default, {}) for value in map(comparable, values)) or (
                kind == "welcome" and field.name == "capabilities"
            ), f"{kind}.{field.name}"


def comparable(value):
    return value.tobytes() if isinstance(value, np.ndarray) else value


def test_frames_are_packed_behind_their_lengths():
    packed = pack_frames([b"abc", b"", memoryview(b"d")])
    assert packed == b"\3\0\0\0abc\0\0\0\0\1\0\0\0d"
    assert unpack_frames(packed) == [b"abc", b"", b"d"]
