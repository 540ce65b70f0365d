"""How much a peer may send in a second, and all peers together: token buckets.

A bucket holds one second's worth, so a burst of that size passes and sustained traffic is held to
the rate. What is beyond is ignored before it is decoded, and the first of it in each second is
answered by E102.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from protocol import LimitExceeded

if TYPE_CHECKING:
    from server.config import LimitsConfig

_TELL_INTERVAL_S: Final = 1.0


@dataclass(slots=True)
class Bucket:
    """What is left of one second's allowance; None until first used, when it is full."""

    left: float | None = None
    filled_at: float = 0.0

    def fill(self, rate_per_s: float, now: float) -> float:
        """Add what the time since the last call allows; returns what may be taken."""
        left = rate_per_s if self.left is None else self.left
        self.left = min(rate_per_s, left + (now - self.filled_at) * rate_per_s)
        self.filled_at = now
        return self.left

    def take(self, amount: float) -> None:
        """Take from what ``fill`` has returned."""
        self.left = (self.left or 0.0) - amount


@dataclass(slots=True)
class Meter:
    """Messages and bytes of one peer, or of all."""

    messages: Bucket = field(default_factory=Bucket)
    bytes: Bucket = field(default_factory=Bucket)
    tell_at: float = 0.0  # when a refusal may be told again


class Traffic:
    """Admits messages within the limits; on the I/O thread alone."""

    def __init__(self, limits: LimitsConfig, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._all = Meter()
        self._strangers = Meter()  # whoever has not said hello shares one peer's allowance

    def admit(self, peer: Meter | None, size_bytes: int) -> bool:
        """Whether a message of that size may be handled; False ignores it without a word.

        ``peer`` is the sender's meter; None for one that has not said hello.

        Raises LimitExceeded, naming the limit, for the first one in a second that may not.
        """
        limits, now = self._limits, self._clock()
        own = self._strangers if peer is None else peer
        wanted = (
            (own.messages, 1, "peer_messages_per_s"),
            (own.bytes, size_bytes, "peer_bytes_per_s"),
            (self._all.messages, 1, "messages_per_s"),
            (self._all.bytes, size_bytes, "bytes_per_s"),
        )
        for bucket, amount, limit in wanted:
            rate = getattr(limits, limit)
            if bucket.fill(rate, now) < amount:
                return _refuse(own, now, limit, rate)
        for bucket, amount, _ in wanted:
            bucket.take(amount)
        return True


def _refuse(meter: Meter, now: float, limit: str, rate_per_s: int) -> bool:
    if now < meter.tell_at:
        return False
    meter.tell_at = now + _TELL_INTERVAL_S
    raise LimitExceeded(
        f"too much in one second: {limit} is {rate_per_s}; what is beyond is ignored, send less"
    )
