"""How much of anything may come over the wire (PROTOCOL.md section 8).

Sizes and counts of a message are checked by ``encode`` and ``decode``; rates and numbers of streams
by the server, through the methods here. Everything is checked before memory is spent on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from protocol.errors import LimitExceeded, ServerFull, UnsupportedRate


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the wire; a server may be given smaller ones, never larger.

    Raises ValueError when a limit leaves no room for any message, or for any rate.
    """

    maximum_frames_per_message: int = 2  # ZeroMQ frames: header, PCM
    maximum_header_bytes: int = 65536
    maximum_payload_bytes: int = 8388608  # 16 stems x 2 channels x 65536 frames x 4 bytes
    maximum_block_frames: int = 8192  # of an audio block
    maximum_part_frames: int = 65536  # of a preroll part or a stems block
    maximum_channels: int = 2
    maximum_stems: int = 16  # in one list
    maximum_list_items: int = 64  # of any list or map of a header, the header itself too
    maximum_name_bytes: int = 64  # of a model, profile, stem or capability, in UTF-8
    maximum_text_bytes: int = 1024  # of any other text, in UTF-8
    minimum_rate_hz: int = 8000
    maximum_rate_hz: int = 192000
    maximum_preroll_frames: int = 1536000  # in all parts: 8 s at 192 kHz
    maximum_streams_per_peer: int = 64
    maximum_streams: int = 256

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = _LEAST.get(name, 1)
            if value < least:
                raise ValueError(f"{name} is {value}: {least} or more required")
        if self.minimum_rate_hz > self.maximum_rate_hz:
            raise ValueError("minimum_rate_hz is above maximum_rate_hz: swap them")

    def check(self, limit: str, value: int, what: str, unit: str = "") -> None:
        """Refuse ``what`` (a noun) when its size in some unit is over the limit of that name.

        Raises LimitExceeded, which names the limit, the value and the way out.
        """
        if value > getattr(self, limit):
            raise self.exceeded(limit, value, what, unit)

    def exceeded(self, limit: str, value: int, what: str, unit: str = "") -> LimitExceeded:
        """Return the error for a size that is over the limit of that name."""
        size = f"{what} is {value} {unit}".rstrip()
        return LimitExceeded(f"{size}: {limit} is {getattr(self, limit)}; {_ADVICE[limit]}")

    def check_rate(self, rate_hz: int) -> None:
        """Raise UnsupportedRate unless the rate is in range."""
        if not self.minimum_rate_hz <= rate_hz <= self.maximum_rate_hz:
            raise UnsupportedRate(
                f"rate of {rate_hz} Hz: {self.minimum_rate_hz} to {self.maximum_rate_hz} Hz "
                "allowed; resample the audio first"
            )

    def check_preroll(self, frames: int) -> None:
        """Raise LimitExceeded when all parts of a preroll together hold too many frames."""
        self.check("maximum_preroll_frames", frames, "preroll frames in all")

    def check_streams(self, of_peer: int, in_all: int) -> None:
        """Raise ServerFull when so many streams, the new one counted, are too many."""
        if of_peer > self.maximum_streams_per_peer:
            raise ServerFull(
                f"stream number {of_peer} of this connection: maximum_streams_per_peer is "
                f"{self.maximum_streams_per_peer}; close one first"
            )
        if in_all > self.maximum_streams:
            raise ServerFull(
                f"stream number {in_all} of this server: maximum_streams is "
                f"{self.maximum_streams}; try again when others have closed theirs"
            )


_LEAST: Final = {  # that every header of this version fits, its keys included
    "maximum_frames_per_message": 2,
    "maximum_list_items": 16,
    "maximum_text_bytes": 64,
}

_ADVICE: Final = {
    "maximum_frames_per_message": "send a header and at most one PCM frame",
    "maximum_header_bytes": "shorten the header's texts and lists",
    "maximum_payload_bytes": "split the block",
    "maximum_block_frames": "split the block",
    "maximum_part_frames": "split it into parts",
    "maximum_channels": "send mono or stereo",
    "maximum_stems": "name fewer stems",
    "maximum_list_items": "send a shorter list",
    "maximum_name_bytes": "use a shorter name",
    "maximum_text_bytes": "use a shorter text",
    "maximum_preroll_frames": "send the newest 8 s only",
}

DEFAULT_LIMITS: Final = Limits()
