"""The typed messages of the wire: one frozen dataclass each, range-checked where it is made.

Field names are the header's keys; PROTOCOL.md gives their meaning, units and ranges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class MessageKind(StrEnum):
    """The value of every header's ``type`` key."""

    HELLO = "hello"
    WELCOME = "welcome"
    OPEN = "open"
    OPENED = "opened"
    AUDIO = "audio"
    STEMS = "stems"
    SET = "set"
    APPLIED = "applied"
    PREROLL = "preroll"
    SEEK = "seek"
    FLUSH = "flush"
    FLUSHED = "flushed"
    PING = "ping"
    PONG = "pong"
    CLOSE = "close"
    CLOSED = "closed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """What one profile of a model costs in latency, at the model's own rate."""

    name: str
    hop_samples: int
    synthesis_overlap_samples: int
    look_ahead_samples: int
    mask_lag_hops: int


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model the server can open: its stems in output order and its profiles."""

    name: str
    stems: tuple[str, ...]
    rate_hz: int
    profiles: tuple[ProfileInfo, ...]


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of a client (PROTOCOL.md section 4.1)."""

    kind: ClassVar[MessageKind] = MessageKind.HELLO
    major: int
    minor: int
    client: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Welcome:
    """The server's answer to hello: what it speaks and what it can do."""

    kind: ClassVar[MessageKind] = MessageKind.WELCOME
    major: int
    minor: int
    server: str
    models: tuple[ModelInfo, ...]
    default_model: str
    minimum_rate_hz: int
    maximum_rate_hz: int
    maximum_block_frames: int
    maximum_payload_bytes: int
    maximum_streams_per_peer: int
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """Opens a stream; empty model and stems mean the server's default and all stems."""

    kind: ClassVar[MessageKind] = MessageKind.OPEN
    stream: int
    rate_hz: int
    channels: int
    max_block_frames: int
    model: str = ""
    profile: str = "live"
    stems: tuple[str, ...] = ()
    freewheel: bool = False  # lossless and credit-controlled, at any speed; never drops
    position_samples: int = 0  # of the first audio block
    round_trip_samples: int = 0  # budget the client grants; refused when below the minimum


@dataclass(frozen=True, slots=True)
class Latency:
    """The server's terms of the latency, in samples at the stream's rate."""

    hop: int
    synthesis_overlap: int
    look_ahead: int
    resampler: int

    @property
    def total(self) -> int:
        """Samples of input the server must have beyond a sample before it can answer it."""
        return self.hop + self.synthesis_overlap + self.look_ahead + self.resampler


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream as the server will run it; ``redirect`` names another endpoint to use instead."""

    kind: ClassVar[MessageKind] = MessageKind.OPENED
    stream: int
    model: str
    profile: str
    stems: tuple[str, ...]
    latency: Latency
    minimum_round_trip_samples: int
    credit_frames: int  # freewheel: frames sent and not yet answered by stems, at most
    preroll_frames: int  # of dry input that rebuild the full context
    redirect: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """Dry audio of one stream (PROTOCOL.md section 5.1)."""

    kind: ClassVar[MessageKind] = MessageKind.AUDIO
    stream: int
    sequence: int  # counts blocks, from 0
    position_samples: int  # of the first frame, since the stream's origin
    samples: FloatArray = field(repr=False)  # [channel, frame], nominal range -1 ... 1


@dataclass(frozen=True, slots=True)
class Stems:
    """Separated stems, aligned with the dry audio at the same position."""

    kind: ClassVar[MessageKind] = MessageKind.STEMS
    stream: int
    sequence: int
    position_samples: int
    stems: tuple[str, ...]
    samples: FloatArray = field(repr=False)  # [stem, channel, frame]
    dropped_frames: int = 0  # of input, since the stream was opened


@dataclass(frozen=True, slots=True)
class Set:
    """Changes a running stream without a click; a field left out stays as it is."""

    kind: ClassVar[MessageKind] = MessageKind.SET
    stream: int
    gains_db: dict[str, float] = field(default_factory=dict)
    mute: tuple[str, ...] | None = None
    solo: tuple[str, ...] | None = None
    stems: tuple[str, ...] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What holds for the stream from this position on, in answer to set."""

    kind: ClassVar[MessageKind] = MessageKind.APPLIED
    stream: int
    position_samples: int
    model: str
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preroll:
    """Dry input from before the next block: rebuilds the context, gives no stems."""

    kind: ClassVar[MessageKind] = MessageKind.PREROLL
    stream: int
    position_samples: int
    samples: FloatArray = field(repr=False)  # [channel, frame]
    last: bool = True  # the context is rebuilt when the last part has come


@dataclass(frozen=True, slots=True)
class Seek:
    """Forgets the context; the next audio block starts at this position."""

    kind: ClassVar[MessageKind] = MessageKind.SEEK
    stream: int
    position_samples: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Asks for every stem up to the end of what was sent; silence is assumed behind it."""

    kind: ClassVar[MessageKind] = MessageKind.FLUSH
    stream: int


@dataclass(frozen=True, slots=True)
class Flushed:
    """All stems before this position have been sent."""

    kind: ClassVar[MessageKind] = MessageKind.FLUSHED
    stream: int
    position_samples: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong with the same token."""

    kind: ClassVar[MessageKind] = MessageKind.PING
    token: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers ping."""

    kind: ClassVar[MessageKind] = MessageKind.PONG
    token: int


@dataclass(frozen=True, slots=True)
class Close:
    """Ends a stream."""

    kind: ClassVar[MessageKind] = MessageKind.CLOSE
    stream: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream is gone; its totals."""

    kind: ClassVar[MessageKind] = MessageKind.CLOSED
    stream: int
    blocks: int
    dropped_frames: int


@dataclass(frozen=True, slots=True)
class Error:
    """A refusal or failure: the code of PROTOCOL.md section 7 and a sentence for a person."""

    kind: ClassVar[MessageKind] = MessageKind.ERROR
    code: str
    reason: str
    stream: int | None = None
