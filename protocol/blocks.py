"""The short way for audio and stems, which come hundreds of times a second.

What ``codec`` does for every message by walking through its table of fields is written out here for
these two. Whatever is missing, wrong or too large is left to the long way, which finds the words
for it: the functions here return None then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from protocol.fields import longest_bytes
from protocol.messages import Audio, Stems

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from protocol.limits import Limits
    from protocol.messages import FloatArray, Message

PCM_TYPE: Final = np.dtype("<f4")


def block_header(message: Message, limits: Limits) -> dict[str, Any] | None:
    """Return the header's map of audio or stems within the limits; None for anything else."""
    if type(message) is Audio:
        maximum_frames = limits.maximum_block_frames
    elif type(message) is Stems and _fits(message.stems, limits):
        maximum_frames = limits.maximum_part_frames
    else:
        return None
    *_, channels, frames = message.samples.shape
    size_bytes = message.samples.nbytes
    if not _is_within(channels, frames, maximum_frames, size_bytes, limits):
        return None
    header: dict[str, Any] = {
        "type": message.kind.value,
        "stream": message.stream,
        "sequence": message.sequence,
        "position_samples": message.position_samples,
    }
    if type(message) is Stems:
        header["stems"] = message.stems
        header["dropped_frames"] = message.dropped_frames
        header["compute_us"] = message.compute_us
    header["channels"] = channels
    header["frames"] = frames
    return header


def read_block(header: dict[str, Any], payload: Buffer, limits: Limits) -> Audio | Stems | None:
    """Return the audio or stems of a header and its PCM; None for anything else.

    Raises InvalidField for a value out of range.
    """
    try:
        match header["type"]:
            case "audio":
                return _read_audio(header, payload, limits)
            case "stems":
                return _read_stems(header, payload, limits)
    except KeyError:  # a field is missing
        pass
    return None


def _read_audio(header: dict[str, Any], payload: Buffer, limits: Limits) -> Audio | None:
    shape = 1, header["channels"], header["frames"]
    samples = _samples(payload, shape, limits.maximum_block_frames, limits)
    if samples is None:
        return None
    return Audio(header["stream"], header["sequence"], header["position_samples"], samples[0])


def _read_stems(header: dict[str, Any], payload: Buffer, limits: Limits) -> Stems | None:
    names = header["stems"]
    if type(names) is not list:
        return None
    shape = len(names), header["channels"], header["frames"]
    samples = _samples(payload, shape, limits.maximum_part_frames, limits)
    if samples is None:
        return None
    message = Stems(
        header["stream"],
        header["sequence"],
        header["position_samples"],
        tuple(names),
        samples,
        header.get("dropped_frames", 0),
        header.get("compute_us", 0),
    )
    return message if _fits(message.stems, limits) else None


def _samples(
    payload: Buffer, shape: tuple[int, Any, Any], maximum_frames: int, limits: Limits
) -> FloatArray | None:
    """Return the payload as [stem, channel, frame], where it has that shape and may have it."""
    stems, channels, frames = shape
    if type(channels) is not int or type(frames) is not int:
        return None
    pcm = memoryview(payload)
    if pcm.nbytes != PCM_TYPE.itemsize * stems * channels * frames:
        return None
    if not _is_within(channels, frames, maximum_frames, pcm.nbytes, limits):
        return None
    return np.ndarray(shape, PCM_TYPE, pcm)


def _is_within(
    channels: int, frames: int, maximum_frames: int, size_bytes: int, limits: Limits
) -> bool:
    return (
        0 < channels <= limits.maximum_channels
        and 0 < frames <= maximum_frames
        and 0 < size_bytes <= limits.maximum_payload_bytes
    )


def _fits(names: tuple[str, ...], limits: Limits) -> bool:
    return len(names) <= limits.maximum_stems and longest_bytes(names) <= limits.maximum_name_bytes
