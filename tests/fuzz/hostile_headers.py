"""The second depth: a header that is a map, with fields of the wrong kind, too many or too few."""

from __future__ import annotations

from typing import Any

import msgpack
from hostile_draws import Draws
from hostile_frames import GOLDEN, Frames

from protocol import MessageKind

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 17, 127, 128, 255, 256, 8192, 8193, 65535, 65536, 65537,
    2**31 - 1, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63, 2**64 - 1, -(2**63),
    0.0, -0.0, 1.0, 24.5, -121.0, 1e308, float("nan"), float("inf"), float("-inf"),
    "", "x", "live", "vocals", "mix", "\0", "../../etc/passwd", "ä" * 32, "x" * 64, "x" * 65,
    "x" * 1024, "x" * 1025, "\N{MUSICAL SYMBOL G CLEF}" * 16,
    b"", b"x" * 16, [], ["vocals"], ["vocals", "vocals"], [""], [1], [[]], [None], ["x"] * 64,
    ["x"] * 65, [str(i) for i in range(16)], [str(i) for i in range(17)], {}, {"vocals": 0},
    {"vocals": float("nan")}, {"": 1.0}, {"x": {"x": {"x": {}}}}, {str(i): 0 for i in range(65)},
    msgpack.ExtType(1, b"x"), msgpack.ExtType(127, bytes(4)), msgpack.Timestamp(0, 1),
)  # fmt: skip
KEYS = (
    "type", "stream", "sequence", "position_samples", "channels", "frames", "last", "stems",
    "rate_hz", "max_block_frames", "model", "profile", "freewheel", "round_trip_samples", "major",
    "minor", "client", "capabilities", "gains_db", "mute", "solo", "token", "unknown", "",
)  # fmt: skip
LENGTHS = (0, 1, 3, 4, 8, 23, 24, 25, 48, 4096, 65540)

Pairs = list[tuple[Any, Any]]


def draw_header(draws: Draws) -> Frames:
    """Return a golden message with one to four changes to its fields and to its PCM's length."""
    header, *pcm = draws.choice(MAPS)
    pairs = list(msgpack.unpackb(header).items())
    for _ in range(1 + draws.below(4)):
        _change(pairs, draws)
    if draws.one_in(4):
        pcm = [bytes(draws.choice(LENGTHS)) for _ in range(draws.below(3))]
    return [_pack(pairs), *pcm]


def _is_map(frame: bytes) -> bool:
    return frame[:1] != b"\x01"  # one of the golden refusals is no map at all


MAPS = [frames for frames in GOLDEN if _is_map(frames[0])]


def _change(pairs: Pairs, draws: Draws) -> None:
    at, kind = draws.below(len(pairs) + 1), draws.below(6)
    if kind == 0:
        del pairs[at : at + 1]
    elif kind == 1:
        pairs.insert(at, (draws.choice(KEYS), draws.choice(VALUES)))
    elif kind == 2:
        pairs[at : at + 1] = [("type", draws.choice(tuple(MessageKind)).value)]
    elif kind == 3:
        pairs[at : at + 1] = [(key, draws.choice(VALUES)) for key, _ in pairs[at : at + 1]]
    elif kind == 4:
        pairs += pairs[at : at + 1]  # the same key twice
    else:
        pairs[at : at + 1] = [(draws.choice(VALUES[:24]), value) for _, value in pairs[at : at + 1]]


def _pack(pairs: Pairs) -> bytes:
    """Return a map with these pairs, in this order, whether its keys are different or not."""
    packer = msgpack.Packer(autoreset=False)
    packer.pack_map_header(len(pairs))
    for key, value in pairs:
        packer.pack(key)
        packer.pack(value)
    return packer.bytes()
