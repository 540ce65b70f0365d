"""Golden bytes: what each message looks like on the wire, for clients in any language.

``python -m protocol.golden`` writes ``protocol/vectors/``: one file per case and ``manifest.json``
(PROTOCOL.md section 11). A case is "exact" (decodes to the values, which encode to the same bytes),
"tolerated" (decodes to the values, but is not how we would write it) or "refused" (with that code).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
import numpy as np

from protocol.codec import encode
from protocol.fields import Pcm, fields_of, write_fields
from protocol.messages import (
    Applied,
    Audio,
    Close,
    Closed,
    Error,
    Flush,
    Flushed,
    Hello,
    Latency,
    Message,
    ModelInfo,
    Open,
    Opened,
    Ping,
    Pong,
    Preroll,
    ProfileInfo,
    Seek,
    Set,
    Stems,
    Welcome,
)

VECTORS: Final = Path(__file__).parent / "vectors"

_STEMS: Final = ("vocals", "instrumental")
_STEREO: Final = np.array([[0.5, -0.25, 1.0], [0.0, 0.125, -1.0]], np.float32)
_MODEL: Final = ModelInfo("rocknet", _STEMS, 44100, (ProfileInfo("live", 512, 512, 0, 1),))

EXACT: Final[dict[str, Message]] = {
    "hello": Hello(1, 0, "example 1.0", ("example",)),
    "welcome": Welcome(
        1, 0, "phoenix-stems 0.1.0", (_MODEL,), "rocknet", 8000, 192000, 8192, 8388608, 64
    ),
    "open": Open(
        7, 48000, 2, 256, "rocknet", "live", _STEMS, position_samples=96000, round_trip_samples=768
    ),
    "open_freewheel": Open(4294967295, 44100, 1, 8192, profile="offline", freewheel=True),
    "opened": Opened(
        7, "rocknet", "live", _STEMS, Latency(558, 558, 0, 35), 512, 0, preroll_frames=384000
    ),
    "opened_redirect": Opened(
        8, "rocknet", "live", _STEMS, Latency(512, 512, 0, 0), 0, 8192, 0, "tcp://127.0.0.1:5555"
    ),
    "audio": Audio(7, 0, 96000, _STEREO),
    "stems": Stems(7, 3, 96000, _STEMS, np.stack([_STEREO / 2, _STEREO / 4]), 256, 4321),
    "set": Set(7, {"vocals": -6.0, "instrumental": 0.0}, ("vocals",), (), _STEMS, "fixed-gains"),
    "set_nothing": Set(7),
    "applied": Applied(7, 96512, "fixed-gains", ("vocals", "mix")),
    "preroll": Preroll(7, 95997, _STEREO),
    "preroll_part": Preroll(7, 95994, _STEREO, last=False),
    "seek": Seek(7, 2**53 - 1),
    "flush": Flush(7),
    "flushed": Flushed(7, 96003),
    "ping": Ping(7),
    "pong": Pong(2**64 - 1),
    "close": Close(7),
    "closed": Closed(7, 1, 256),
    "error": Error("E207", "round trip of 64 samples: 512 or more required", 7),
    "error_of_connection": Error("E104", "hello must come first"),
}

TOLERATED: Final[dict[str, tuple[Message, list[bytes]]]] = {
    "hello_newer": (
        Hello(1, 9, "newer"),
        [
            msgpack.packb(
                {"colour": [1.5], "client": "newer", "minor": 9, "major": 1, "type": "hello"}
            )
        ],
    ),
    "open_minimal": (
        Open(0, 44100, 2, 256),
        [
            msgpack.packb(
                {
                    "type": "open",
                    "stream": 0,
                    "rate_hz": 44100,
                    "channels": 2,
                    "max_block_frames": 256,
                }
            )
        ],
    ),
    "set_whole_decibels": (
        Set(7, {"vocals": -6.0}),
        [msgpack.packb({"type": "set", "stream": 7, "gains_db": {"vocals": -6}, "mute": None})],
    ),
}

REFUSED: Final[dict[str, tuple[str, list[bytes]]]] = {
    "refused_no_map": ("E101", [b"\x01"]),
    "refused_pcm_too_short": ("E101", [bytes(encode(Audio(7, 0, 0, _STEREO))[0]), bytes(20)]),
    "refused_three_frames": ("E102", [bytes(encode(Ping(7))[0]), b"", b""]),
    "refused_type": ("E105", [msgpack.packb({"type": "sing"})]),
    "refused_missing_field": ("E106", [msgpack.packb({"type": "ping"})]),
    "refused_negative_position": (
        "E106",
        [msgpack.packb({"type": "seek", "stream": 7, "position_samples": -1})],
    ),
}


def pack_frames(frames: Iterable[bytes | memoryview]) -> bytes:
    """Return the frames one after the other, each behind its length as little-endian uint32."""
    return b"".join(struct.pack("<I", len(frame)) + bytes(frame) for frame in frames)


def unpack_frames(data: bytes) -> list[bytes]:
    """Return the frames that ``pack_frames`` put together."""
    frames = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        frames.append(data[4 : 4 + length])
        data = data[4 + length :]
    return frames


def plain(record: Any) -> dict[str, Any]:
    """Return a message's fields as JSON has them; samples as nested lists, None left out."""
    cls: Any = type(record)
    values = write_fields(
        [spec for spec in fields_of(cls) if not isinstance(spec.type, Pcm)], record
    )
    if hasattr(record, "samples"):
        values["samples"] = record.samples.tolist()
    fields: dict[str, Any] = json.loads(json.dumps(values))  # tuples become lists
    return fields


def files() -> dict[str, bytes]:
    """Return every file of ``vectors/`` by its name."""
    written: dict[str, bytes] = {}
    manifest: list[dict[str, Any]] = []
    for name, message in EXACT.items():
        written[f"{name}.bin"] = pack_frames(encode(message))
        manifest.append(_entry(name, "exact", message))
    for name, (message, frames) in TOLERATED.items():
        written[f"{name}.bin"] = pack_frames(frames)
        manifest.append(_entry(name, "tolerated", message))
    for name, (code, frames) in REFUSED.items():
        written[f"{name}.bin"] = pack_frames(frames)
        manifest.append({"file": f"{name}.bin", "case": "refused", "code": code})
    written["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return written


def _entry(name: str, case: str, message: Message) -> dict[str, Any]:
    return {
        "file": f"{name}.bin",
        "case": case,
        "type": message.kind.value,
        "fields": plain(message),
    }


def main() -> None:
    """Write the vectors, and remove what is no longer one."""
    VECTORS.mkdir(exist_ok=True)
    wanted = files()
    for path in VECTORS.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, data in wanted.items():
        (VECTORS / name).write_bytes(data)


if __name__ == "__main__":
    main()
