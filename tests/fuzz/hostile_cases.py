"""Bytes to hostile messages: the first byte chooses the depth, the rest the messages."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from hostile_draws import Draws
from hostile_frames import Frames, draw_frames
from hostile_headers import draw_header
from hostile_streams import draw_conversation

from protocol import encode

MAXIMUM_CASE_BYTES = 160
_MAXIMUM_MESSAGES = 8


class Depth(IntEnum):
    """How deep a message gets before something is wrong with it."""

    FRAMES = 0
    HEADER = 1
    MEANING = 2


class Case(NamedTuple):
    """What one input of a fuzzer sends."""

    depth: Depth
    messages: list[Frames]
    is_patient: bool = False  # waits for what it opens, so that the rest finds a stream


def case_of(data: bytes) -> Case:
    """Return the messages that the bytes stand for; every input is a case."""
    draws = Draws(data[:MAXIMUM_CASE_BYTES])
    depth = Depth(draws.below(len(Depth)))
    if depth is Depth.MEANING:
        is_patient = not draws.one_in(4)
        conversation = draw_conversation(draws, _MAXIMUM_MESSAGES)
        frames = [[bytes(frame) for frame in encode(message)] for message in conversation]
        return Case(depth, frames, is_patient)
    draw = draw_frames if depth is Depth.FRAMES else draw_header
    return Case(depth, [draw(draws) for _ in range(1 + draws.below(_MAXIMUM_MESSAGES))])
