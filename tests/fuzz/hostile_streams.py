"""The third depth: headers that are right, and mean what they must not, or come when they must not.

A case is a short conversation, so that a fuzzer can find its way into states: open, preroll, audio,
seek, flush, a switch of the model, close, and all of them in the wrong order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hostile_draws import Draws

from protocol import (
    Applied,
    Audio,
    Close,
    Closed,
    Error,
    FloatArray,
    Flush,
    Flushed,
    Hello,
    Message,
    Open,
    Ping,
    Pong,
    Preroll,
    Seek,
    Set,
    Stems,
)

LARGEST = 2**53 - 1
STREAMS = (1, 2, 3, 0, 2**32 - 1, 4, 5, 6, 7, 8, 9)
POSITIONS = (0, 1, 256, 511, 512, 8192, 44_100, 352_800, 2**31, 2**32, 2**40, LARGEST - 1, LARGEST)
FRAMES = (256, 1, 2, 16, 511, 512, 513, 1024, 4096, 8191, 8192)
RATES_HZ = (44_100, 48_000, 8000, 7999, 22_050, 1, 192_000, 192_001, 2**32 - 1, 96_000)
ROUND_TRIPS = (0, 1, 768, 44_100, LARGEST)
STEMS = (
    (), ("vocals",), ("mix",), ("drums", "mix", "vocals"), ("kazoo",), ("vocals", "kazoo"),
    tuple(f"s{i}" for i in range(16)),
)  # fmt: skip
GAINS_DB: tuple[dict[str, float], ...] = (
    {}, {"vocals": -60.0}, {"mix": 0.0}, {"kazoo": 1.0}, {"vocals": 24.0, "drums": -120.0},
)  # fmt: skip
MODELS = (None, "fixed-gains", "kazoo")
VALUES = (0.1, 0.0, 1.0, float("nan"), float("inf"), float("-inf"), 1e30, -1e30, 1e-42)


def draw_conversation(draws: Draws, maximum: int = 12) -> list[Message]:
    """Return 1 to ``maximum`` messages."""
    return [_message(draws) for _ in range(1 + draws.below(maximum))]


def _message(draws: Draws) -> Message:
    return draws.choice(MAKERS)(draws)


def _samples(draws: Draws, longest: int = 65_536) -> FloatArray:
    """Return [channel, frame], the same value everywhere; mostly stereo."""
    frames = min(draws.choice(FRAMES), longest)
    return np.full((1 if draws.one_in(8) else 2, frames), draws.choice(VALUES), np.float32)


def _open(draws: Draws) -> Message:
    return Open(
        stream=draws.choice(STREAMS),
        rate_hz=draws.choice(RATES_HZ),
        channels=1 if draws.one_in(8) else 2,
        max_block_frames=draws.choice(FRAMES),
        model=draws.choice(("", "fixed-gains", "kazoo")),
        profile=draws.choice(("live", "offline", "studio", "none")),
        stems=draws.choice(STEMS),
        freewheel=bool(draws.below(2)),
        position_samples=draws.choice(POSITIONS),
        round_trip_samples=draws.choice(ROUND_TRIPS),
    )


def _plain_open(draws: Draws) -> Message:
    """Return an opening that is right, so that what follows finds a stream."""
    freewheel = bool(draws.below(2))
    return Open(draws.choice(STREAMS), 44_100, 2, 8192, "fixed-gains", freewheel=freewheel)


def _audio(draws: Draws) -> Message:
    stream, sequence = draws.choice(STREAMS), draws.byte()
    return Audio(stream, sequence, draws.choice(POSITIONS), _samples(draws))


def _preroll(draws: Draws) -> Message:
    stream, position_samples = draws.choice(STREAMS), draws.choice(POSITIONS)
    return Preroll(stream, position_samples, _samples(draws), last=not draws.below(2))


def _set(draws: Draws) -> Message:
    return Set(
        draws.choice(STREAMS),
        draws.choice(GAINS_DB),
        mute=draws.choice((None, *STEMS)),
        solo=draws.choice((None, *STEMS)),
        stems=draws.choice((None, *STEMS)),
        model=draws.choice(MODELS),
    )


def _of_a_server(draws: Draws) -> Message:
    """Return a message that only servers send."""
    stream, position_samples = draws.choice(STREAMS), draws.choice(POSITIONS)
    samples = np.zeros((1, 2, draws.choice(FRAMES)), np.float32)
    return draws.choice(
        (
            Stems(stream, 0, position_samples, ("vocals",), samples),
            Flushed(stream, position_samples),
            Closed(stream, 0, 0),
            Applied(stream, position_samples, "fixed-gains", ("vocals",)),
            Error("E301", "the client says so", stream),
        )
    )


MAKERS: tuple[Callable[[Draws], Message], ...] = (
    _audio,
    _plain_open,
    lambda draws: Seek(draws.choice(STREAMS), draws.choice(POSITIONS)),
    lambda draws: Flush(draws.choice(STREAMS)),
    _preroll,
    _set,
    lambda draws: Close(draws.choice(STREAMS)),
    _open,
    lambda draws: Hello(draws.choice((1, 0, 2, 65_535)), draws.byte(), "hostile"),
    lambda draws: Ping(draws.choice(POSITIONS)),
    lambda draws: Pong(draws.choice(POSITIONS)),
    _of_a_server,
)
