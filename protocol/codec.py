"""Messages to ZeroMQ frames and back (PROTOCOL.md section 2).

A message is one frame of msgpack, the header, and for audio, preroll and stems a second one of raw
planar float32 little-endian PCM, which is never copied here. Whatever the bytes, ``decode`` raises
nothing but ProtocolError and its children.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, get_args

import msgpack  # type: ignore[import-untyped]
import numpy as np

from protocol.blocks import PCM_TYPE, block_header, read_block
from protocol.errors import InvalidField, LimitExceeded, MalformedFrame, UnknownMessage
from protocol.fields import FieldSpec, Integer, Pcm, fields_of, read_fields, write_fields
from protocol.limits import DEFAULT_LIMITS, Limits
from protocol.messages import Audio, FloatArray, Message, MessageKind, Preroll, Stems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

_WITH_PCM: Final = (Audio, Preroll, Stems)
_AXIS_LENGTH: Final = Integer(low=1, high=2**32 - 1)


def encode(message: Message, limits: Limits = DEFAULT_LIMITS) -> list[bytes | memoryview]:
    """Return the message's frames: the header, and behind it the PCM if there is any.

    The PCM frame looks into the message's array, if that is contiguous: leave it as it is until the
    frames are sent.

    Raises LimitExceeded when the message is larger than the limits.
    """
    packed = _pack(block_header(message, limits) or _header(message, limits), limits)
    if not isinstance(message, _WITH_PCM):
        return [packed]
    return [packed, np.ascontiguousarray(message.samples, dtype=PCM_TYPE).data.cast("B")]


def decode(frames: Sequence[Buffer], limits: Limits = DEFAULT_LIMITS) -> Message:
    """Return the message that the frames hold; its samples look into the second frame.

    Raises MalformedFrame, LimitExceeded, UnknownMessage or InvalidField, each saying what is wrong.
    """
    if len(frames) > limits.maximum_frames_per_message:
        raise limits.exceeded("maximum_frames_per_message", len(frames), "the number of frames")
    if not frames:
        raise MalformedFrame("a message without frames: a header frame is required")
    header = _unpack(frames[0], limits)
    if len(frames) == 2 and (block := read_block(header, frames[1], limits)) is not None:
        return block
    layout = _layout_of(header)
    values = read_fields(layout.header, header)
    if len(frames) - 1 != layout.has_pcm:
        raise MalformedFrame(
            f"{layout.kind} in {len(frames)} frames: {1 + layout.has_pcm} required"
        )
    if layout.has_pcm:
        values["samples"] = _read_pcm(layout, header, values.get("stems"), frames[1], limits)
    message: Message = layout.cls(**values)
    _check_limits(layout, message, limits)
    return message


class _OfThread(threading.local):
    """A thread's own packer; one made for each message would ask for its 256 KiB each time."""

    def __init__(self) -> None:
        self.packer = msgpack.Packer()


_OF_THREAD: Final = _OfThread()


class _Layout(NamedTuple):
    """How one kind of message lies on the wire."""

    kind: str
    cls: Any  # the message's class
    header: tuple[FieldSpec, ...]  # all fields but the samples
    bounded: tuple[FieldSpec, ...]  # the fields whose size a limit bounds
    has_pcm: bool


def _layout(cls: Any) -> _Layout:
    specs = fields_of(cls)
    header = tuple(spec for spec in specs if not isinstance(spec.type, Pcm))
    bounded = tuple(spec for spec in specs if spec.type.has_limit)
    return _Layout(cls.kind.value, cls, header, bounded, len(header) < len(specs))


_LAYOUTS: Final[dict[str, _Layout]] = {cls.kind.value: _layout(cls) for cls in get_args(Message)}


def _check_limits(layout: _Layout, message: Message, limits: Limits) -> None:
    for name, label, type_, *_ in layout.bounded:
        type_.check_limits(label, getattr(message, name), limits)


def _header(message: Message, limits: Limits) -> dict[str, Any]:
    layout = _LAYOUTS[message.kind]
    _check_limits(layout, message, limits)
    header = {"type": layout.kind} | write_fields(layout.header, message)
    if isinstance(message, _WITH_PCM):
        header["channels"], header["frames"] = message.samples.shape[-2:]
    return header


def _pack(header: dict[str, Any], limits: Limits) -> bytes:
    packed: bytes = _OF_THREAD.packer.pack(header)
    if len(packed) > limits.maximum_header_bytes:
        raise limits.exceeded("maximum_header_bytes", len(packed), "the header", "bytes")
    return packed


def _unpack(frame: Buffer, limits: Limits) -> dict[str, Any]:
    """Return the header's map; no length in it is believed beyond the limits."""
    size_bytes = memoryview(frame).nbytes
    if size_bytes > limits.maximum_header_bytes:
        raise limits.exceeded("maximum_header_bytes", size_bytes, "the header", "bytes")
    try:
        header = msgpack.unpackb(
            frame,
            ext_hook=_refuse_extension,
            strict_map_key=True,
            max_str_len=limits.maximum_text_bytes,
            max_bin_len=0,
            max_array_len=limits.maximum_list_items,
            max_map_len=limits.maximum_list_items,
            max_ext_len=0,
        )
    except ValueError as error:  # also what msgpack raises of its own
        raise _header_error(error, limits) from error
    if type(header) is not dict:
        raise MalformedFrame(f"header is a {type(header).__name__}: a msgpack map required")
    return header


def _header_error(error: Exception, limits: Limits) -> MalformedFrame | LimitExceeded:
    """Return our error for msgpack's, which tells a length over the limit in its text only."""
    said = str(error) or type(error).__name__
    if "max_bin_len" in said or "max_ext_len" in said:
        return MalformedFrame("header holds binary or extension data: send numbers and texts")
    if "max_str_len" in said:
        return LimitExceeded(f"header: {said}; maximum_text_bytes is {limits.maximum_text_bytes}")
    if "max_array_len" in said or "max_map_len" in said:
        return LimitExceeded(f"header: {said}; maximum_list_items is {limits.maximum_list_items}")
    return MalformedFrame(f"header is no msgpack map with text keys: {said}")


def _refuse_extension(code: int, _data: bytes) -> NoReturn:
    raise MalformedFrame(f"header holds msgpack extension {code}: none is allowed")


def _layout_of(header: dict[str, Any]) -> _Layout:
    kind = header.get("type")
    if not isinstance(kind, str):
        kinds = ", ".join(MessageKind)
        raise InvalidField(f"type is missing or no text: one of {kinds} required")
    layout = _LAYOUTS.get(kind)
    if layout is None:
        kinds = ", ".join(MessageKind)
        raise UnknownMessage(f"type {kind!r:.80}: one of {kinds} required; is the peer newer?")
    return layout


def _read_pcm(
    layout: _Layout, header: dict[str, Any], stems: Any, frame: Buffer, limits: Limits
) -> FloatArray:
    """Return the second frame as [channel, frame], or [stem, channel, frame] for stems."""
    payload = memoryview(frame)
    size_bytes = payload.nbytes
    if size_bytes > limits.maximum_payload_bytes:
        raise limits.exceeded("maximum_payload_bytes", size_bytes, "the PCM", "bytes")
    channels, frames = (
        _axis_length(layout, header, "channels"),
        _axis_length(layout, header, "frames"),
    )
    shape = (channels, frames) if stems is None else (len(stems), channels, frames)
    expected_bytes = PCM_TYPE.itemsize * math.prod(shape)
    if size_bytes != expected_bytes:
        product = " x ".join(map(str, shape))
        raise MalformedFrame(
            f"PCM of {size_bytes} bytes: {product} x 4 = {expected_bytes} required"
        )
    return np.ndarray(shape, PCM_TYPE, payload)


def _axis_length(layout: _Layout, header: dict[str, Any], axis: str) -> int:
    length: int = header.get(axis, 0)
    if type(length) is not int or not 1 <= length <= _AXIS_LENGTH.high:
        _AXIS_LENGTH.check(f"{layout.kind}.{axis}", length)
    return length
