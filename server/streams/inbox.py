"""What a stream was sent and the engine has not taken yet: in order and bounded.

The I/O thread puts, one lane's thread takes. Audio that fills no hop waits here for what does:
waking a thread costs more than taking it in. A live stream that is held up, by a rebuild or by a
busy machine, catches up from here; when more waits than it may, it loses its oldest audio.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from protocol import DEFAULT_LIMITS, Audio, Flush, LimitExceeded, Preroll

Request = TypeVar("Request")

MAXIMUM_WAITING_REQUESTS = 256  # other than audio; a client waits for answers long before
MAXIMUM_WAITING_PARTS = 64  # of a hop; what comes twice is no part of any, and has to go
MAXIMUM_WAITING_PREROLL_FRAMES = 2 * DEFAULT_LIMITS.maximum_preroll_frames  # a seek forgets them


class Waiting(NamedTuple, Generic[Request]):
    """A request and when it should be answered, on the monotonic clock, in seconds."""

    request: Request
    deadline: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """Audio that a full inbox let go."""

    blocks: int
    frames: int


class Inbox(Generic[Request]):
    """Requests of one stream; ``capacity_frames`` of audio, or any amount if that is None."""

    def __init__(self, capacity_frames: int | None) -> None:
        self._capacity_frames = capacity_frames
        self.next_hop_end: float = -math.inf  # position where the next hop is full; the taker's
        self._lock = threading.Lock()
        self._waiting: deque[Waiting[Request]] = deque()
        self._audio_frames = 0
        self._audio_blocks = 0
        self._preroll_frames = 0
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_closed(self) -> bool:
        """Whether the stream is over."""
        return self._is_closed

    @property
    def audio_frames(self) -> int:
        """Audio that waits, in frames."""
        return self._audio_frames

    def put(self, request: Request, deadline: float) -> Dropped:
        """Add a request, to be answered by ``deadline``; say what audio had to make room.

        Raises LimitExceeded when too many requests other than audio wait, or too much preroll.
        """
        with self._lock:
            if self._is_closed:
                return Dropped(0, 0)
            self._check_room(request)
            self._waiting.append(Waiting(request, deadline))
            self._count(request, 1)
            return self._make_room()

    def take(self) -> Waiting[Request] | None:
        """Take the oldest request; None when there is none."""
        with self._lock:
            if not self._waiting:
                return None
            oldest = self._waiting.popleft()
            self._count(oldest.request, -1)
            return oldest

    def peek(self) -> Request | None:
        """Return the oldest request, which stays; None when there is none."""
        with self._lock:
            return self._waiting[0].request if self._waiting else None

    def forget_audio(self) -> None:
        """Forget audio and preroll that wait, but not what a flush still asks for."""
        with self._lock:
            kept: deque[Waiting[Request]] = deque()
            flush_follows = False
            for waiting in reversed(self._waiting):
                flush_follows = flush_follows or isinstance(waiting.request, Flush)
                if isinstance(waiting.request, Audio | Preroll) and not flush_follows:
                    self._count(waiting.request, -1)
                else:
                    kept.appendleft(waiting)
            self._waiting = kept

    def close(self) -> None:
        """Forget everything that waits, and whatever is put from now on."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            self._audio_frames = self._audio_blocks = self._preroll_frames = 0

    def next_deadline(self) -> float | None:
        """By when the oldest request that gives work wants its answer; None when none waits."""
        with self._lock:
            if len(self._waiting) > MAXIMUM_WAITING_PARTS:
                return self._waiting[0].deadline
            for waiting in self._waiting:
                if not self._is_part(waiting.request):
                    return waiting.deadline
            return None

    def _is_part(self, request: object) -> bool:
        """Whether it is audio behind which the next hop is still not full."""
        if not isinstance(request, Audio):
            return False
        end: int = request.position_samples + request.samples.shape[-1]
        return end < self.next_hop_end

    def _check_room(self, request: object) -> None:
        others = len(self._waiting) - self._audio_blocks
        if not isinstance(request, Audio) and others >= MAXIMUM_WAITING_REQUESTS:
            raise LimitExceeded(
                f"{MAXIMUM_WAITING_REQUESTS} requests of this stream wait already; "
                "wait for their answers first"
            )
        if isinstance(request, Preroll):
            frames = self._preroll_frames + request.samples.shape[-1]
            if frames > MAXIMUM_WAITING_PREROLL_FRAMES:
                raise LimitExceeded(
                    f"{frames} frames of preroll would wait: {MAXIMUM_WAITING_PREROLL_FRAMES} "
                    "allowed; send it once"
                )

    def _count(self, request: object, sign: int) -> None:
        if isinstance(request, Audio):
            self._audio_frames += sign * request.samples.shape[-1]
            self._audio_blocks += sign
        elif isinstance(request, Preroll):
            self._preroll_frames += sign * request.samples.shape[-1]

    def _make_room(self) -> Dropped:
        """Drop the oldest audio; the newest block always stays, however long it is."""
        blocks = frames = 0
        while (
            self._capacity_frames is not None
            and self._audio_frames > self._capacity_frames
            and self._audio_blocks > 1
        ):
            index = next(i for i, w in enumerate(self._waiting) if isinstance(w.request, Audio))
            before = self._audio_frames
            self._count(self._waiting[index].request, -1)
            del self._waiting[index]
            blocks += 1
            frames += before - self._audio_frames
        return Dropped(blocks, frames)
