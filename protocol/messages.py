"""The typed messages of the wire: one frozen dataclass each, range-checked where it is made.

Field names are the header's keys; PROTOCOL.md sections 4 and 5 give their meaning, units, ranges.
Making one with a value out of range raises InvalidField.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocol.errors import InvalidField, StemsError, error_from_code
from protocol.fields import (
    Checked,
    Code,
    Flag,
    Gains,
    Integer,
    Maybe,
    Names,
    Pcm,
    Record,
    Records,
    Text,
)

FloatArray = npt.NDArray[np.float32]

StreamId = Annotated[int, Integer(high=2**32 - 1)]
Count = Annotated[int, Integer()]
Version = Annotated[int, Integer(high=2**16 - 1)]
Token = Annotated[int, Integer(high=2**64 - 1)]
RateHz = Annotated[int, Integer(low=1, high=2**32 - 1)]
Frames = Annotated[int, Integer(low=1, high=2**32 - 1)]
BlockFrames = Annotated[int, Integer(low=1, limit="maximum_block_frames")]
Channels = Annotated[int, Integer(low=1, limit="maximum_channels")]
OptionalStreamId = Annotated[int | None, Maybe(Integer(high=2**32 - 1))]
Switch = Annotated[bool, Flag()]
ErrorCode = Annotated[str, Code()]
Sentence = Annotated[str, Text()]
Name = Annotated[str, Text("maximum_name_bytes", low=1)]
DefaultName = Annotated[str, Text("maximum_name_bytes")]  # empty: the other side chooses
OptionalName = Annotated[str | None, Maybe(Text("maximum_name_bytes", low=1))]
Capabilities = Annotated[tuple[str, ...], Names()]
StemNames = Annotated[tuple[str, ...], Names("maximum_stems", low=1)]
StemChoice = Annotated[tuple[str, ...], Names("maximum_stems")]
OptionalStems = Annotated[tuple[str, ...] | None, Maybe(Names("maximum_stems"))]
GainsDb = Annotated[dict[str, float], Gains()]
BlockSamples = Annotated[FloatArray, Pcm(axes=2, limit="maximum_block_frames")]
PartSamples = Annotated[FloatArray, Pcm(axes=2, limit="maximum_part_frames")]
StemSamples = Annotated[FloatArray, Pcm(axes=3, limit="maximum_part_frames")]


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
class ProfileInfo(Checked):
    """What one profile of a model costs in latency, at the model's own rate."""

    name: Name
    hop_samples: Count
    synthesis_overlap_samples: Count
    look_ahead_samples: Count
    mask_lag_hops: Count


Profiles = Annotated[tuple[ProfileInfo, ...], Records(ProfileInfo)]


@dataclass(frozen=True, slots=True)
class ModelInfo(Checked):
    """One model the server can open: its stems in output order and its profiles."""

    name: Name
    stems: StemNames
    rate_hz: RateHz
    profiles: Profiles


Models = Annotated[tuple[ModelInfo, ...], Records(ModelInfo)]


@dataclass(frozen=True, slots=True)
class Hello(Checked):
    """First message of a client (PROTOCOL.md section 4.1)."""

    kind: ClassVar[MessageKind] = MessageKind.HELLO
    major: Version
    minor: Version
    client: Sentence
    capabilities: Capabilities = ()


@dataclass(frozen=True, slots=True)
class Welcome(Checked):
    """The server's answer to hello: what it speaks and what it can do."""

    kind: ClassVar[MessageKind] = MessageKind.WELCOME
    major: Version
    minor: Version
    server: Sentence
    models: Models
    default_model: DefaultName
    minimum_rate_hz: RateHz
    maximum_rate_hz: RateHz
    maximum_block_frames: Frames
    maximum_payload_bytes: Frames
    maximum_streams_per_peer: Frames
    capabilities: Capabilities = ()


@dataclass(frozen=True, slots=True)
class Open(Checked):
    """Opens a stream; empty model and stems mean the server's default and all stems."""

    kind: ClassVar[MessageKind] = MessageKind.OPEN
    stream: StreamId
    rate_hz: RateHz
    channels: Channels
    max_block_frames: BlockFrames
    model: DefaultName = ""
    profile: Name = "live"
    stems: StemChoice = ()
    freewheel: Switch = False  # lossless and credit-controlled, at any speed; never drops
    position_samples: Count = 0  # of the first audio block
    round_trip_samples: Count = 0  # budget the client grants; refused when below the minimum


@dataclass(frozen=True, slots=True)
class Latency(Checked):
    """The server's terms of the latency, in samples at the stream's rate."""

    hop: Count
    synthesis_overlap: Count
    look_ahead: Count
    resampler: Count

    @property
    def total(self) -> int:
        """Samples of input the server must have beyond a sample before it can answer it."""
        return self.hop + self.synthesis_overlap + self.look_ahead + self.resampler


LatencyTerms = Annotated[Latency, Record(Latency)]


@dataclass(frozen=True, slots=True)
class Opened(Checked):
    """The stream as the server will run it; ``redirect`` names another endpoint to use instead."""

    kind: ClassVar[MessageKind] = MessageKind.OPENED
    stream: StreamId
    model: Name
    profile: Name
    stems: StemNames
    latency: LatencyTerms
    minimum_round_trip_samples: Count
    credit_frames: Count  # freewheel: frames sent and not yet answered by stems, at most
    preroll_frames: Count  # of dry input that rebuild the full context
    redirect: Sentence = ""


@dataclass(frozen=True, slots=True)
class Audio(Checked):
    """Dry audio of one stream (PROTOCOL.md section 5.1)."""

    kind: ClassVar[MessageKind] = MessageKind.AUDIO
    stream: StreamId
    sequence: Count  # counts blocks, from 0
    position_samples: Count  # of the first frame, since the stream's origin
    samples: BlockSamples = field(repr=False)  # [channel, frame], nominal range -1 ... 1


@dataclass(frozen=True, slots=True)
class Stems(Checked):
    """Separated stems, aligned with the dry audio at the same position."""

    kind: ClassVar[MessageKind] = MessageKind.STEMS
    stream: StreamId
    sequence: Count
    position_samples: Count
    stems: StemNames
    samples: StemSamples = field(repr=False)  # [stem, channel, frame]
    dropped_frames: Count = 0  # of input, since the stream was opened
    compute_us: Count = 0  # inference that these stems cost; 0 where it was counted before

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if len(self.stems) != len(self.samples):
            raise InvalidField(
                f"stems.samples: {len(self.samples)} stems given; the {len(self.stems)} named in "
                "stems.stems required"
            )


@dataclass(frozen=True, slots=True)
class Set(Checked):
    """Changes a running stream without a click; a field left out stays as it is."""

    kind: ClassVar[MessageKind] = MessageKind.SET
    stream: StreamId
    gains_db: GainsDb = field(default_factory=dict)
    mute: OptionalStems = None
    solo: OptionalStems = None
    stems: OptionalStems = None
    model: OptionalName = None


@dataclass(frozen=True, slots=True)
class Applied(Checked):
    """What holds for the stream from this position on, in answer to set."""

    kind: ClassVar[MessageKind] = MessageKind.APPLIED
    stream: StreamId
    position_samples: Count
    model: Name
    stems: StemNames


@dataclass(frozen=True, slots=True)
class Preroll(Checked):
    """Dry input from before the next block: rebuilds the context, gives no stems."""

    kind: ClassVar[MessageKind] = MessageKind.PREROLL
    stream: StreamId
    position_samples: Count
    samples: PartSamples = field(repr=False)  # [channel, frame]
    last: Switch = True  # the context is rebuilt when the last part has come


@dataclass(frozen=True, slots=True)
class Seek(Checked):
    """Forgets the context; the next audio block starts at this position."""

    kind: ClassVar[MessageKind] = MessageKind.SEEK
    stream: StreamId
    position_samples: Count


@dataclass(frozen=True, slots=True)
class Flush(Checked):
    """Asks for every stem up to the end of what was sent; silence is assumed behind it."""

    kind: ClassVar[MessageKind] = MessageKind.FLUSH
    stream: StreamId


@dataclass(frozen=True, slots=True)
class Flushed(Checked):
    """All stems before this position have been sent."""

    kind: ClassVar[MessageKind] = MessageKind.FLUSHED
    stream: StreamId
    position_samples: Count


@dataclass(frozen=True, slots=True)
class Ping(Checked):
    """Asks for a pong with the same token."""

    kind: ClassVar[MessageKind] = MessageKind.PING
    token: Token


@dataclass(frozen=True, slots=True)
class Pong(Checked):
    """Answers ping."""

    kind: ClassVar[MessageKind] = MessageKind.PONG
    token: Token


@dataclass(frozen=True, slots=True)
class Close(Checked):
    """Ends a stream."""

    kind: ClassVar[MessageKind] = MessageKind.CLOSE
    stream: StreamId


@dataclass(frozen=True, slots=True)
class Closed(Checked):
    """The stream is gone; its totals."""

    kind: ClassVar[MessageKind] = MessageKind.CLOSED
    stream: StreamId
    blocks: Count
    dropped_frames: Count


@dataclass(frozen=True, slots=True)
class Error(Checked):
    """A refusal or failure: the code of PROTOCOL.md section 7 and a sentence for a person."""

    kind: ClassVar[MessageKind] = MessageKind.ERROR
    code: ErrorCode
    reason: Sentence
    stream: OptionalStreamId = None

    @classmethod
    def of(cls, error: StemsError, stream: int | None = None) -> Error:
        """Return the message that tells the other side of an error, its reason cut to fit."""
        text = error.reason.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore")
        return cls(error.code, text, stream)

    def exception(self) -> StemsError:
        """Return the error to raise on this side."""
        return error_from_code(self.code, self.reason)


_REASON_BYTES: Final = 1024  # as DEFAULT_LIMITS.maximum_text_bytes

Message = (
    Hello
    | Welcome
    | Open
    | Opened
    | Audio
    | Stems
    | Set
    | Applied
    | Preroll
    | Seek
    | Flush
    | Flushed
    | Ping
    | Pong
    | Close
    | Closed
    | Error
)
