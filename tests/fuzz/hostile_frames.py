"""The first depth: ZeroMQ frames that hold no message, or a golden one that was damaged."""

from __future__ import annotations

from hostile_draws import Draws

from protocol.golden import VECTORS, unpack_frames

Frames = list[bytes]

GOLDEN: list[Frames] = [
    # A model's weights take seconds to load and stay in memory: not what is looked for here.
    [frame.replace(b"rocknet", b"kazooka") for frame in unpack_frames(path.read_bytes())]
    for path in sorted(VECTORS.glob("*.bin"))
]
MARKERS = bytes.fromhex(
    "00 7f 80 81 8f 90 91 9f a0 bf c0 c1 c3 c4 c7 ca cb cf d3 d4 d9 db dd df ff"
)
NESTS = (b"\x91", b"\x81\xa1x", b"\xdd\x00\x00\x00\x01")
CLAIMS = (b"\xc6", b"\xc9", b"\xdb", b"\xdd", b"\xdf", b"\x81\xa4type\xdb")


def draw_frames(draws: Draws) -> Frames:
    """Return one multipart message of 1 to 5 frames."""
    kind = draws.below(4)
    if kind == 0:
        return [draws.bytes(draws.below(64)) for _ in range(1 + draws.below(5))]
    if kind == 1:
        return [_nested(draws)]
    if kind == 2:
        return [draws.choice(CLAIMS) + draws.bytes(4) + bytes(draws.below(32))]
    return _damaged(draws)


def _nested(draws: Draws) -> bytes:
    """Return maps in maps, around the depth that msgpack takes and the bytes that we take."""
    nest = draws.choice(NESTS)
    depth = draws.choice((4, 510, 511, 512, 1024, 65536 // len(nest), 65537))
    return b"\x83\xa4type\xa4ping\xa5token\x01\xa1x" + nest * depth + b"\xc0"


def _damaged(draws: Draws) -> Frames:
    """Return a golden message with some bytes changed, and now and then frames doubled or lost."""
    frames = [bytearray(frame) for frame in draws.choice(GOLDEN)]
    for _ in range(1 + draws.below(3)):
        _damage(frames[draws.below(len(frames))], draws)
    if draws.one_in(8):
        frames += [frames[0]] * draws.below(8)
    if draws.one_in(8):
        frames = frames[-1:]
    return [bytes(frame) for frame in frames]


def _damage(frame: bytearray, draws: Draws) -> None:
    at, kind = draws.below(len(frame) + 1), draws.below(5)
    if kind == 0:
        frame[at : at + 1] = bytes([draws.byte()])
    elif kind == 1:
        frame[at : at + 1] = bytes([draws.choice(MARKERS)])
    elif kind == 2:
        del frame[at:]
    elif kind == 3:
        del frame[at : at + 1 + draws.below(4)]
    else:
        frame[at:at] = draws.bytes(1 + draws.below(8))
